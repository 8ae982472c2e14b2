"""What to do about a call that blocks the event loop, by what it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

_HTTP = frozenset({"requests", "urllib3", "urllib", "http", "httpx", "httpcore", "httpx2", "httpcore2", "boto3"})
_DATABASE = frozenset({"sqlalchemy", "psycopg", "psycopg2", "pymysql", "MySQLdb", "peewee", "django", "redis"})
_DATABASE_CALLS = (".execute", ".executemany", ".fetchall", ".fetchone", ".commit")

PROCESS_POOL = """    from concurrent.futures import ProcessPoolExecutor
    POOL = ProcessPoolExecutor(max_workers=2)

    result = await asyncio.get_running_loop().run_in_executor(POOL, {function}, ...)"""

_THREAD = """    result = await asyncio.to_thread({calls}, ...)"""


@dataclass(frozen=True)
class Means:
    """What was seen of a call, in a few words, and the fix, made from the function's name and what it calls."""

    seen: str
    fix: Callable[[str, str | None], str]


def means(calls: str | None, through: Sequence[str], *, computes: bool) -> Means:
    """Tells kinds of blocking calls apart.

    Args:
        calls: what is called, as the source has it.
        through: packages that the call went through.
        computes: it used a CPU for most of the time.
    """
    packages = {name.partition(".")[0] for name in through}
    if packages & _DATABASE or (calls and calls.endswith(_DATABASE_CALLS)):
        return Means("a sync database call in async code.", _database)
    if packages & _HTTP or (calls and calls.partition(".")[0] in _HTTP):
        return Means("a sync HTTP call in async code.", _http)
    if calls and calls.rpartition(".")[2] == "sleep":
        return Means("a sync sleep in async code.", _sleep)
    if computes:
        return Means("it computes.", _compute)
    return Means("it waits, and keeps the loop from serving others meanwhile.", _wait)


def _sleep(function: str, calls: str | None) -> str:
    return f"In {function}, let the loop go on meanwhile:\n\n    await asyncio.sleep(...)    # instead of {calls}(...)"


def _http(function: str, _calls: str | None) -> str:
    return (
        f"In {function}, use an async client, one for the whole process:\n\n"
        "    client = httpx.AsyncClient()    # made once, at the start\n    response = await client.get(...)\n\n"
        f"Or declare the endpoint with `def` instead of `async def`: then it runs in a thread."
    )


def _database(function: str, _calls: str | None) -> str:
    return (
        f"In {function}, use the async engine:\n\n"
        '    engine = create_async_engine("postgresql+asyncpg://...")\n'
        "    async with AsyncSession(engine) as session:\n        await session.execute(...)\n\n"
        "Or declare the endpoint with `def` instead of `async def`: then it runs in a thread."
    )


def _compute(function: str, _calls: str | None) -> str:
    return (
        f"Take {function} out of the loop. A thread helps little, for it shares the GIL; a process does:\n\n"
        + PROCESS_POOL.format(function=function)
    )


def _wait(function: str, calls: str | None) -> str:
    return f"Run the call in a thread, in {function}:\n\n" + _THREAD.format(calls=calls or function)
