"""A process that saves leaks, enqueues their notices and delivers them, over and over until all is told: to be killed.

It says on standard output where it stands, so that the test can kill it there, and takes up where it left off.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

from heaptide_server.alerts.addresses import AddressPolicy
from heaptide_server.alerts.delivery import Courier
from heaptide_server.alerts.sample import Announcement, sample_pair
from heaptide_server.alerts.signing import new_secret
from heaptide_server.alerts.targets import Target
from heaptide_server.store.connections import connect, transaction

STATES = {"leak.firing": 1, "leak.resolved": 2}


def say(word: str) -> None:
    print(word, flush=True)


def main(path: str, url: str, now: float, leaks: int, group_s: float) -> None:
    # Without a window each notice is sent before the next; with one, leaks fire together and end together.
    step_s = 1.0 if group_s else 100_000.0
    target = Target("webhook", url, (new_secret(),), "generic", AddressPolicy((ip_network("127.0.0.0/8"),)))
    courier = Courier(Path(path), [target], "http://collector.example", lambda leak: {"id": leak.id}, group_s=group_s)
    sample = sample_pair(now)[0].leak
    with connect(Path(path)) as db:
        numbers = [(n, kind) for n in range(leaks) for kind in STATES]
        for number, kind in sorted(numbers, key=lambda told: STATES[told[1]]) if group_s else numbers:
            known = db.execute("SELECT state FROM ledger WHERE id = ?", [str(number)]).fetchone()
            if known is not None and known[0] >= STATES[kind]:
                continue
            with transaction(db):
                db.execute("INSERT OR REPLACE INTO ledger VALUES (?, ?)", [str(number), STATES[kind]])
                courier.enqueue(db, [Announcement(kind, replace(sample, id=str(number)))], now)
                say("enqueued")
            say("committed")
            courier.deliver_due(now)
            now += step_s
    courier.deliver_due(now + group_s)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))
