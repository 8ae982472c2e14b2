"""A process that looks at a service's findings for three days and delivers what is to be told: to be killed.

It says on standard output where it stands, so that the test can kill it there, and takes up where it left off.
"""

from __future__ import annotations

import sys
from ipaddress import ip_network
from pathlib import Path

from heaptide_server.alerts.addresses import AddressPolicy
from heaptide_server.alerts.delivery import Courier
from heaptide_server.alerts.signing import new_secret
from heaptide_server.alerts.targets import Target
from heaptide_server.checks.checkup import Checked
from heaptide_server.checks.finding import Finding
from heaptide_server.checks.telling import Telling
from heaptide_server.leaks.ledger import Ledger
from heaptide_server.store.connections import connect
from heaptide_server.store.sqlite import SqliteStore

START_S = 1e9
LOOK_S = 6 * 3600.0
DAY_S = 86400.0
FOUND, CLEAR = 12, 6  # looks: nearly three days, and then it is gone
FINDING = Finding("no-supervisor", "critical", "Nothing restarts uvicorn.", ("Seen.",), "Do this.", ("web-1 pid 7",))


def say(word: str) -> None:
    print(word, flush=True)


def main(path: Path, url: str) -> None:
    target = Target("webhook", url, (new_secret(),), "generic", AddressPolicy((ip_network("127.0.0.0/8"),)))
    courier = Courier(path, [target], "http://collector.example", lambda leak: {"id": leak.id}, random=lambda: 0.0)

    def tell(db, sheets, now) -> None:
        courier.tell(db, sheets, now)
        say("told")  # and not yet committed

    telling = Telling(path, SqliteStore(path), Ledger(path), tell, "http://collector.example", repeat_s=DAY_S)
    telling.migrate()
    with connect(path) as db:
        for number in range(db.execute("SELECT count(*) FROM looked").fetchone()[0], FOUND + CLEAR):
            now = START_S + number * LOOK_S
            findings = (FINDING,) if number < FOUND else ()
            telling.look(Checked("shop", "production", 1, 1, findings), now)
            say("looked")
            db.execute("INSERT INTO looked VALUES (?)", [number])
            courier.deliver_due(now)
        courier.deliver_due(START_S + (FOUND + CLEAR) * LOOK_S + DAY_S)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
