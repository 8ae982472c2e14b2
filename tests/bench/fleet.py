"""A store as it is after 90 days of a fleet: written in bulk, in the form that reports and rollups leave behind.

200 workers on 25 hosts, each recycled every three days, 5,000 sites of which each worker knows 400; a report a minute.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from heaptide.wire import VITALS
from heaptide_server.leaks.ledger import Changes, Ledger
from heaptide_server.model import Advice, Columns, Forecast, Frame, Leak, Site
from heaptide_server.store import packed, records, told_in_buckets
from heaptide_server.store.cover import DAY, FIVE_MINUTES, HOUR
from heaptide_server.store.sqlite import SqliteStore

WORKERS, HOSTS, SITES, OWN_SITES, OWN_TYPES = 200, 25, 5000, 400, 80
DAYS, RAW_S, FIVE_MINUTES_S, INTERVAL_S = 90, 86400, 7 * 86400, 60
LIFE_S = 3 * 86400
RELEASE_S = 6 * 86400
LEAKS, HOURLY_SITES = 40, 300
SERVICE, ENVIRONMENT = "fleet", "production"
MIB = 1 << 20
_MODULES = ("orders", "baskets", "quotes", "prices", "users", "mails", "search", "stock")


def fill(path: Path, now: float) -> None:
    """Writes the store.

    Args:
        now: when its last report came, seconds since the epoch.
    """
    store, ledger = SqliteStore(path), Ledger(path)
    store.migrate()
    ledger.migrate()
    store.close()
    draw = np.random.default_rng(1)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        # Nobody else has the file, and a half-written one is thrown away.
        db.execute("PRAGMA journal_mode = OFF")
        db.execute("PRAGMA synchronous = OFF")
        db.execute("BEGIN")
        _sites(db)
        lives = _workers(db, now)
        blobs = _Blobs(draw)
        _entries(db, lives, blobs, now)
        _rollups(db, lives, blobs, now)
        _fleet(db, draw, lives, now)
        _totals(db, draw, now)
        db.execute("COMMIT")
        db.execute("PRAGMA journal_mode = WAL")
    _leaks(ledger, now)


def _sites(db: sqlite3.Connection) -> None:
    frames = [_stack(number) for number in range(SITES)]
    rows = [(n + 1, n.to_bytes(16, "big"), records.site_name(f), records.site_frames(f)) for n, f in enumerate(frames)]
    db.executemany("INSERT INTO sites (id, fingerprint, name, frames) VALUES (?, ?, ?, ?)", rows)
    db.executemany("INSERT INTO types (id, name) VALUES (?, ?)", [(n + 1, f"shop.models.Type{n}") for n in range(300)])


def _stack(number: int) -> tuple[Frame, ...]:
    module = _MODULES[number % len(_MODULES)]
    own = [Frame(f"shop/{module}.py", f"step_{number // 8 % 40}", 10 + number // 8, True)]
    library = [Frame(f"fastapi/part_{depth}.py", f"call_{depth}", 100 + depth, False) for depth in range(5)]
    return (*own, Frame(f"shop/{module}.py", f"handle_{number % 64}", 5 + number % 64, True), *library)


def _workers(db: sqlite3.Connection, now: float) -> list[tuple[int, float, float]]:
    """Lives as (id, first seen, last seen), the living ones last seen now."""
    lives, rows, numbers = [], [], []
    begin = now - DAYS * DAY
    for slot in range(WORKERS):
        since, generation = begin + slot * 97 % LIFE_S - LIFE_S, 0
        while since < now:
            until, generation = min(since + LIFE_S, now), generation + 1
            if until > begin:
                lives.append((len(lives) + 1, max(since, begin), until))
                rows.append(_worker(len(lives), slot, generation, max(since, begin), until, now))
                numbers += _numbers(len(lives), slot)
            since = until
    marks = records.marks(rows[0])
    db.executemany(f"INSERT INTO workers VALUES ({marks})", rows)
    db.executemany("INSERT INTO numbers VALUES (?, ?, 0, ?)", numbers)
    return lives


def _worker(number: int, slot: int, generation: int, since: float, until: float, now: float) -> tuple[object, ...]:
    alive = until >= now
    release = f"3.{int((since - now) // RELEASE_S) + 40}.0"
    cost = {"cpu_s": 0.004 * (until - since), "held_bytes": 3e6, "longest_hold_s": 0.002, "dropped_reports": 0}
    return (
        number, f"{number:032x}", SERVICE, ENVIRONMENT, f"host-{slot % HOSTS}", 1000 + number, since, release, "3.11.7",
        "0.1.0", "gunicorn", float(INTERVAL_S), slot // HOSTS + 1, generation, since, until, None if alive else until,
        None if alive else "final", int((until - since) // INTERVAL_S), 0, int(until - since) * 4, _vitals(slot, 0.5),
        json.dumps({"name": "sampling", "frames": 8, "sample_bytes": 524288}), json.dumps(cost), 0.0,
    )  # fmt: skip


def _numbers(number: int, slot: int) -> Iterator[tuple[int, str, bytes]]:
    yield number, "site", records.ids_blob([1 + (slot * 25 + n) % SITES for n in range(OWN_SITES)])
    yield number, "type", records.ids_blob(list(range(1, 1 + OWN_TYPES)))


def _vitals(slot: int, age: float) -> str:
    known = {"rss_bytes": (180 + slot % 7 * 9 + 90 * age) * MIB, "limit_bytes": 4096.0 * MIB, "threads": 12.0}
    known |= {"malloc_free_bytes": 9.0 * MIB, "pymalloc_free_bytes": 4.0 * MIB, "garbage_bytes": 2.0 * MIB}
    return json.dumps([known.get(name) for name in VITALS], separators=(",", ":"))


class _Blobs:
    """Packed changes, some of each kind made once: a worker's are read one by one, whatever they hold."""

    def __init__(self, draw: np.random.Generator) -> None:
        self.report = [_changes(draw, 30, OWN_SITES) for _ in range(256)]
        self.bucket = [_changes(draw, 120, OWN_SITES) for _ in range(256)]
        self.types = [packed.encode(Columns(np.arange(20), {"count": draw.integers(-5, 9, 20)})) for _ in range(64)]
        self.start = _changes(draw, OWN_SITES, OWN_SITES, low=40_000)


def _changes(draw: np.random.Generator, rows: int, among: int, low: int = -60_000) -> bytes:
    ids = np.sort(draw.choice(among, rows, replace=False)).astype(np.int64)
    sizes = draw.integers(low, 90_000, rows)
    columns = {"bytes": sizes, "blocks": sizes // 300, "allocated_bytes": np.abs(sizes) * 3}
    return packed.encode(Columns(ids, columns))


def _entries(db: sqlite3.Connection, lives: list[tuple[int, float, float]], blobs: _Blobs, now: float) -> None:
    cutoff = now - RAW_S

    def rows() -> Iterator[tuple[object, ...]]:
        for step in range(RAW_S // INTERVAL_S + 1):
            at = cutoff + step * INTERVAL_S
            for number, since, until in lives:
                if since <= at <= until:
                    start = at - since < INTERVAL_S or step == 0
                    sites = blobs.start if start else blobs.report[(number * 31 + step) % 256]
                    yield (
                        number, "start" if start else "change", step, at, float(INTERVAL_S), 240,
                        _vitals(number, (at - since) / LIFE_S), sites, blobs.types[(number + step) % 64], 1,
                    )  # fmt: skip

    late = [life for life in lives if life[2] >= cutoff]
    lives = late
    sql = "INSERT INTO entries (worker_id, kind, sequence, at, elapsed_s, requests, vitals, sites, types, looked) "
    db.executemany(sql + "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows())
    last = db.execute("SELECT max(id) FROM entries").fetchone()[0]
    living = [number for number, _, until in late if until >= now]
    db.executemany(
        "INSERT INTO checkpoints VALUES (?, ?, ?, ?)", [(n, last, blobs.start, blobs.types[0]) for n in living]
    )


def _rollups(db: sqlite3.Connection, lives: list[tuple[int, float, float]], blobs: _Blobs, now: float) -> None:
    sql = "INSERT INTO rollups (worker_id, width_s, start, elapsed_s, requests, vitals, sites, types) "
    for width, kept in ((FIVE_MINUTES, FIVE_MINUTES_S), (HOUR, DAYS * DAY), (DAY, DAYS * DAY)):
        db.executemany(sql + "VALUES (?, ?, ?, ?, ?, ?, ?, ?)", _buckets(lives, blobs, width, now - kept, now))


def _buckets(
    lives: list[tuple[int, float, float]], blobs: _Blobs, width: int, since: float, now: float
) -> Iterator[tuple[object, ...]]:
    for number, first, last in lives:
        start = math.floor(max(first, since) / width) * width
        while start < last and start + width <= now:
            step = int(start // width)
            yield (
                number, width, start, float(width), width * 4, _vitals(number, (start - first) / LIFE_S),
                blobs.bucket[(number * 31 + step) % 256], blobs.types[(number + step) % 64],
            )  # fmt: skip
            start += width


def _fleet(
    db: sqlite3.Connection, draw: np.random.Generator, lives: list[tuple[int, float, float]], now: float
) -> None:
    sql = (
        "INSERT INTO fleet (service, environment, release, width_s, start, workers, elapsed_s, requests, rss, sites) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    )
    for width, kept in ((FIVE_MINUTES, FIVE_MINUTES_S), (HOUR, DAYS * DAY), (DAY, DAYS * DAY)):
        starts = np.arange(math.floor((now - kept) / width) * width, now - width, width)
        db.executemany(sql, _fleet_rows(draw, width, starts, now))
        _told(db, draw, lives, width, starts)


def _fleet_rows(
    draw: np.random.Generator, width: int, starts: Iterable[float], now: float
) -> Iterator[tuple[object, ...]]:
    ids = np.arange(1, SITES + 1)
    leaking = np.zeros(SITES, np.int64)
    leaking[:: SITES // LEAKS] = 4000 * width // FIVE_MINUTES
    for start in starts:
        sizes = draw.integers(-600_000, 600_000, SITES) + leaking * WORKERS
        columns = {"bytes": sizes, "blocks": sizes // 300, "allocated_bytes": np.abs(sizes) * 3}
        release = f"3.{int((start - now) // RELEASE_S) + 40}.0"
        lived = float(width * WORKERS)
        blob = packed.encode(Columns(ids, columns))
        yield SERVICE, ENVIRONMENT, release, width, float(start), WORKERS, lived, width * WORKERS * 4, b"", blob


def _told(
    db: sqlite3.Connection,
    draw: np.random.Generator,
    lives: list[tuple[int, float, float]],
    width: int,
    starts: Iterable[float],
) -> None:
    numbers, first, last = (np.array(column) for column in zip(*lives, strict=True))
    types = [packed.encode(Columns(np.arange(1, 301), {"count": draw.integers(-50, 90, 300)})) for _ in range(64)]
    levels = {"rss_bytes": 240, "limit_bytes": 4096, "malloc_free_bytes": 9, "pymalloc_free_bytes": 4}
    levels |= {"garbage_bytes": 2, "threads": 12 / MIB, told_in_buckets.GROWN: 0.5}
    vitals_sql = "INSERT INTO fleet_vitals (service, environment, width_s, start, name, told) VALUES (?, ?, ?, ?, ?, ?)"
    types_sql = "INSERT INTO fleet_types (service, environment, width_s, start, types) VALUES (?, ?, ?, ?, ?)"
    for number, start in enumerate(starts):
        there = numbers[(first < start + width) & (last > start)]
        where = SERVICE, ENVIRONMENT, width, float(start)
        for name, level in levels.items():
            values = draw.uniform(0.8, 1.2, len(there)) * level * MIB
            db.execute(vitals_sql, [*where, name, told_in_buckets.blob(there, values)])
        db.execute(types_sql, [*where, types[number % 64]])


def _totals(db: sqlite3.Connection, draw: np.random.Generator, now: float) -> None:
    sql = (
        "INSERT INTO totals (hour, service, environment, release, site_id, growth_bytes, growth_blocks, live_bytes, "
        "requests) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    )
    hours = np.arange(math.floor((now - DAYS * DAY) / HOUR) * HOUR, now - HOUR, HOUR)
    for hour in hours:
        sites = draw.choice(SITES, HOURLY_SITES, replace=False) + 1
        sizes = draw.integers(-600_000, 900_000, HOURLY_SITES)
        release = f"3.{int((hour - now) // RELEASE_S) + 40}.0"
        db.executemany(
            sql,
            [
                (
                    float(hour),
                    SERVICE,
                    ENVIRONMENT,
                    release,
                    int(site),
                    int(size),
                    int(size) // 300,
                    9_000_000,
                    2_880_000,
                )
                for site, size in zip(sites, sizes, strict=True)
            ],
        )


def _leaks(ledger: Ledger, now: float) -> None:
    states = ("open", "suspect", "filling", "resolved", "muted")
    found = []
    for number in range(LEAKS):
        site = 1 + number * (SITES // LEAKS)
        leak = Leak(
            f"{number:016x}", SERVICE, ENVIRONMENT, "site", "open" if number < 4 else states[number % 5],
            Site(site, _stack(site - 1)), "dict", 14e6 - number * 1e5, 12e6, 16e6, 205.0, 10**9, 9 * 10**8, WORKERS,
            900, 0.9997, now - 40 * DAY, now - 30, "3.34.0", "Grew in each of 900 generations.",
            {"suspect_looks": 2, "clear_looks": 0, "fired": True, "grown_bytes": 1e8, "quiet": False},
        )  # fmt: skip
        forecast = Forecast(4096.0 * MIB, now + 40_000, now + 30_000, now + 70_000)
        found.append(
            replace(leak, forecast=forecast, advice=Advice(40_000, 6000, "Until it is fixed, recycle workers."))
        )
    ledger.update(SERVICE, ENVIRONMENT, now, lambda _: Changes(found, [], []))
