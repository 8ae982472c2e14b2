"""Uses one library's pool as a service would, in one scenario, and prints the probe's facts.

pools.py LIBRARY SCENARIO HOST:PORT; the scenarios:

small: two connections for eight callers, each with a query of 0.1 s: a fault.
enough: as many connections as callers: looks like `small`, and isn't.
timeout: as small, but who waits gives up after 0.15 s: a fault.
kept: one of two connections is never given back: a fault, but seen only after a while.
elsewhere: held for 0.1 s, of which a query takes a few milliseconds: a fault.
asked: the probe may ask the database what it allows.
many: more connections than the server allows are opened: a fault.
held: four connections aren't given back for 40 s, by a clock that runs 25 times as fast: a fault.
lent: as many are out for 20 s by that clock, and given back: looks like `held`, and isn't.
guarded: with pool_pre_ping: looks like what lacks it, and doesn't.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from heaptide.probes.pools import PoolsProbe

LIBRARY, SCENARIO, ADDRESS = sys.argv[1:]
URL = f"postgresql://tester@{ADDRESS}/postgres"
KEPT: list[Any] = []


@dataclass
class Scenario:
    size: int
    callers: int = 8
    timeout_s: float = 30.0
    query_s: float = 0.1
    rest_s: float = 0.0
    keeps: bool = False
    pre_ping: bool = False
    speed: int = 1
    waits_s: float = 0.0  # from the last call to the probe's facts


SCENARIOS = {
    "small": Scenario(2),
    "enough": Scenario(8),
    "timeout": Scenario(2, timeout_s=0.15),
    "kept": Scenario(2, callers=1, keeps=True),
    "elsewhere": Scenario(2, query_s=0.002, rest_s=0.1),
    "asked": Scenario(2, callers=2, query_s=0.01),
    "many": Scenario(30, callers=30, query_s=0.5),
    "held": Scenario(4, callers=4, query_s=0.0, keeps=True, speed=25, waits_s=1.6),
    "lent": Scenario(4, callers=4, query_s=0.0, rest_s=0.8, speed=25),
    "guarded": Scenario(2, callers=1, pre_ping=True),
}


def threads(work: Callable[[], None], callers: int) -> None:
    def attempt() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - which ones are expected is the test's to say
            FAILED.append(type(error).__name__)

    running = [threading.Thread(target=attempt) for _ in range(callers)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


FAILED: list[str] = []


async def tasks(work: Callable[[], Any], callers: int) -> None:
    results = await asyncio.gather(*(work() for _ in range(callers)), return_exceptions=True)
    FAILED.extend(type(one).__name__ for one in results if isinstance(one, BaseException))


def sqlalchemy_sync(s: Scenario) -> None:
    import sqlalchemy

    url = URL.replace("postgresql:", "postgresql+psycopg:")
    engine = sqlalchemy.create_engine(
        url, pool_size=s.size, max_overflow=0, pool_timeout=s.timeout_s, pool_pre_ping=s.pre_ping
    )

    def work() -> None:
        connection = engine.connect()
        connection.execute(sqlalchemy.text(f"select pg_sleep({s.query_s})"))
        time.sleep(s.rest_s)
        KEPT.append(connection) if s.keeps else connection.close()

    threads(work, s.callers)
    KEPT.append(engine)


async def sqlalchemy_async(s: Scenario) -> None:
    import sqlalchemy
    from sqlalchemy.ext.asyncio import create_async_engine

    url = URL.replace("postgresql:", "postgresql+asyncpg:")
    engine = create_async_engine(url, pool_size=s.size, max_overflow=0, pool_timeout=s.timeout_s)

    async def work() -> None:
        connection = await engine.connect()
        await connection.execute(sqlalchemy.text(f"select pg_sleep({s.query_s})"))
        await asyncio.sleep(s.rest_s)
        if s.keeps:
            KEPT.append(connection)
        else:
            await connection.close()

    await tasks(work, s.callers)
    await answered()
    KEPT.append(engine)
    tell()


async def asyncpg(s: Scenario) -> None:
    import asyncpg as library

    pool = await library.create_pool(URL, min_size=1, max_size=s.size)

    async def work() -> None:
        connection = await pool.acquire(timeout=s.timeout_s)
        await connection.execute(f"select pg_sleep({s.query_s})")
        await asyncio.sleep(s.rest_s)
        if s.keeps:
            KEPT.append(connection)
        else:
            await pool.release(connection)

    await tasks(work, s.callers)
    await answered()
    tell()
    pool.terminate()


def psycopg_sync(s: Scenario) -> None:
    from psycopg_pool import ConnectionPool

    pool = ConnectionPool(URL, min_size=1, max_size=s.size, timeout=s.timeout_s, open=True)

    def work() -> None:
        connection = pool.getconn()
        connection.execute(f"select pg_sleep({s.query_s})")
        connection.commit()
        time.sleep(s.rest_s)
        KEPT.append(connection) if s.keeps else pool.putconn(connection)

    threads(work, s.callers)
    tell()
    pool.close()


async def psycopg_async(s: Scenario) -> None:
    from psycopg_pool import AsyncConnectionPool

    pool = AsyncConnectionPool(URL, min_size=1, max_size=s.size, timeout=s.timeout_s, open=False)
    await pool.open()

    async def work() -> None:
        connection = await pool.getconn()
        await connection.execute(f"select pg_sleep({s.query_s})")
        await connection.commit()
        await asyncio.sleep(s.rest_s)
        if s.keeps:
            KEPT.append(connection)
        else:
            await pool.putconn(connection)

    await tasks(work, s.callers)
    await answered()
    tell()
    await pool.close()


async def answered() -> None:
    """As the agent's thread asks, while the loop goes on."""
    for _ in range(200 if SCENARIO == "asked" else 0):
        told = await asyncio.to_thread(PROBE.facts)
        if "max_connections" in told["pools"][0]:
            return
        await asyncio.sleep(0.02)


def tell() -> None:
    time.sleep(SCENARIOS[SCENARIO].waits_s)
    told = PROBE.facts() | {"errors": PROBE.errors, "failed": sorted(set(FAILED))}
    print(json.dumps(told), flush=True)


async def whole(run: Callable[[Scenario], Any]) -> None:
    PROBE.facts()
    await run(SCENARIOS[SCENARIO])


MODULES = {
    "sqlalchemy_sync": "sqlalchemy",
    "sqlalchemy_async": "sqlalchemy.ext.asyncio",
    "asyncpg": "asyncpg",
    "psycopg_sync": "psycopg_pool",
    "psycopg_async": "psycopg_pool",
}

if __name__ == "__main__":
    importlib.import_module(MODULES[LIBRARY])  # as a service has it imported when it starts
    speed = SCENARIOS[SCENARIO].speed
    PROBE = PoolsProbe(ask=SCENARIO == "asked", clock=lambda: speed * time.monotonic())
    run = globals()[LIBRARY]
    if asyncio.iscoroutinefunction(run):
        asyncio.run(whole(run))
    else:
        run(SCENARIOS[SCENARIO])
        if LIBRARY == "sqlalchemy_sync":
            tell()
