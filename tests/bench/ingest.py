"""What the collector takes: changes per second through HTTP with commit before reply, and bytes per stored change."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import random
import sqlite3
import threading
import time
from urllib.parse import urlsplit

from tests.bench.collectors import Collector, collector
from tests.bench.table import show

from heaptide import wire

WORKERS, CHANGES, REPORTS, SENDERS = 200, 300, 20, 4
INTERVAL_S = 30.0


def main() -> None:
    bodies = [_reports(worker) for worker in range(WORKERS)]
    with collector() as there:
        began = time.perf_counter()
        threads = [threading.Thread(target=_send, args=(there, bodies[n::SENDERS])) for n in range(SENDERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - began
        stored = _stored_bytes(there)
    changes = WORKERS * CHANGES * REPORTS
    needed = WORKERS * CHANGES / INTERVAL_S
    show(
        f"The collector, {WORKERS} workers x {CHANGES} changes x {REPORTS} reports, 3 columns a change",
        ["figure", "value"],
        [
            ["changes per second through HTTP, sender on the same two cores", f"{changes / seconds:,.0f}"],
            [f"times what {WORKERS} workers send every {INTERVAL_S:.0f} s", f"{changes / seconds / needed:.0f}"],
            ["bytes per stored change (three values)", f"{stored / changes:.1f}"],
        ],
    )


def _reports(worker: int) -> list[bytes]:
    draw = random.Random(worker)
    return [gzip.compress(json.dumps(_report(worker, n, draw)).encode(), 6) for n in range(1, REPORTS + 1)]


def _report(worker: int, sequence: int, draw: random.Random) -> dict[str, object]:
    first = sequence == 1
    ids = list(range(CHANGES)) if first else sorted(draw.sample(range(CHANGES * 2), CHANGES))
    blocks = [draw.randint(-40, 60) for _ in ids]
    sizes = [count * draw.choice((56, 64, 88, 232, 1024)) for count in blocks]
    packed = wire.pack(ids, {"bytes": sizes, "blocks": blocks, "survivor_bytes": [size // 3 for size in sizes]})
    frames = [["bench/app.py", f"function_{n}", n + 1, True] for n in range(CHANGES * 2)] if first else []
    now = time.time()
    return {
        "version": wire.VERSION,
        "worker": {
            "key": f"{worker:032x}",
            "service": "bench",
            "environment": "bench",
            "host": f"host-{worker // 8}",
            "pid": 1000 + worker,
            "started_at": now - 60,
            "release": "1.0",
            "python": "3.11.7",
            "agent": "0.1.0",
            "server": None,
            "interval_s": INTERVAL_S,
        },
        "base": sequence - 1,
        "sequence": sequence,
        "taken_at": now,
        "sent_at": now,
        "elapsed_s": INTERVAL_S,
        "final": False,
        "requests": 100,
        "vitals": dict.fromkeys(wire.VITALS) | {"rss_bytes": 100_000_000 + sequence * 10_000},
        "tracer": {"name": "exact", "frames": 1, "sample_bytes": None, "traced_bytes": 50_000_000, "skipped": False},
        "sites": {
            "first": 0 if first else CHANGES * 2,
            "frames": frames,
            "define": [[n] for n in range(len(frames))],
            "changes": base64.b64encode(packed).decode(),
        },
        "types": {"first": 0, "define": [], "changes": base64.b64encode(wire.pack([], {"count": []})).decode()},
        "agent": dict.fromkeys(wire.COSTS, 0),
        "answers": [],
    }


def _send(there: Collector, workers: list[list[bytes]]) -> None:
    connection = http.client.HTTPConnection(urlsplit(there.url).netloc, timeout=60)
    headers = {"Content-Type": wire.CONTENT_TYPE, "Content-Encoding": "gzip"}
    for number in range(REPORTS):
        for reports in workers:
            connection.request("POST", "/api/v1/reports", reports[number], headers)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"refused with {answer.status}: {body[:300]!r}")
    connection.close()


def _stored_bytes(there: Collector) -> int:
    with sqlite3.connect(there.db) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages, size = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    return int(pages * size)
