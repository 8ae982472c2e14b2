"""kill -9 at any point: what arrives is exactly once by webhook-id, firing before resolved."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from heaptide_server.store.connections import connect

LEAKS = 5
KILLS = 10
FOLDER = Path(__file__).parent
# In which part of the cases in which it says so a process is killed.
SHARES = {"enqueued": 0.15, "committed": 0.15, "looked": 0.15, "told": 0.7}


class Killer:
    """Kills the process of the moment, up to a number of times: in a request, after its answer, around a commit."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.process: subprocess.Popen[str] | None = None
        self.kills: list[str] = []

    def maybe(self, point: str, share: float) -> None:
        if len(self.kills) < KILLS and self.process.poll() is None and self.draw.random() < share:
            self.kills.append(point)
            self.process.kill()

    def receive(self, answer):
        def behave(handler):
            self.maybe("before the answer", 0.35)
            try:
                answer(handler)
            except OSError:
                return
            self.maybe("after the answer", 0.35)

        return behave


def run_once(killer, program, *words):
    command = [sys.executable, str(FOLDER / program), *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        killer.process = process
        for line in process.stdout:
            killer.maybe(line.strip(), SHARES[line.strip()])
        return process.wait()


@pytest.mark.parametrize(("seed", "group_s"), [(1, 0.0), (2, 0.0), (3, 2.5), (4, 2.5)])
def test_whatever_is_killed_each_notice_arrives_exactly_once_by_its_id_and_in_order(path, receiver, seed, group_s):
    with connect(path) as db:
        db.execute("CREATE TABLE ledger (id TEXT PRIMARY KEY, state INTEGER)")
    killer = Killer(seed)
    receiver.will(*[killer.receive(receiver.answer(204))] * 200)
    now = 1e9
    while (code := run_once(killer, "ledger_process.py", path, receiver.url, now, LEAKS, group_s)) != 0:
        assert code == -signal.SIGKILL
        now += 1e7
    # Else nothing was sent twice and the test proves little.
    assert not {"before the answer", "after the answer"}.isdisjoint(killer.kills)
    with connect(path) as db:
        assert dict(map(tuple, db.execute("SELECT id, state FROM ledger"))) == {str(n): 2 for n in range(LEAKS)}
    ids, order, bodies = defaultdict(set), defaultdict(list), defaultdict(set)
    for arrival in receiver.arrivals:
        body = json.loads(arrival.body)
        bodies[arrival.headers["webhook-id"]].add(arrival.body)
        for leak in body["data"]["leaks"]:
            ids[leak["id"], body["type"]].add(arrival.headers["webhook-id"])
            order[leak["id"]].append(body["type"])
    assert {key: len(found) for key, found in ids.items()} == {
        (str(n), kind): 1 for n in range(LEAKS) for kind in ("leak.firing", "leak.resolved")
    }
    assert all(kinds == sorted(kinds) for kinds in order.values())  # leak.firing sorts before leak.resolved
    assert all(len(same) == 1 for same in bodies.values())
    assert len(receiver.arrivals) > len(bodies)
    assert (len(bodies) < 2 * LEAKS) == bool(group_s)  # with a window some travelled together


def test_whatever_is_killed_a_finding_is_told_each_day_that_it_lasts_and_once_that_it_is_over(path, receiver):
    with connect(path) as db:
        db.execute("CREATE TABLE looked (number INTEGER)")
    killer = Killer(1)
    receiver.will(*[killer.receive(receiver.answer(204))] * 200)
    while (code := run_once(killer, "telling_process.py", path, receiver.url)) != 0:
        assert code == -signal.SIGKILL
    assert "told" in killer.kills  # between the outbox and the commit: else the test proves little
    types = {arrival.headers["webhook-id"]: json.loads(arrival.body)["type"] for arrival in receiver.arrivals}
    assert list(types.values()) == ["check.firing"] * 3 + ["check.resolved"]  # in two days and three quarters
    assert len(receiver.arrivals) >= len(types)
