"""What to do about a database pool, in the words of the library that it is of."""

from __future__ import annotations

from typing import Any

_ENGINES = ("sqlalchemy",)


def sized(facts: dict[str, Any], size: int) -> str:
    """The line that makes a pool of a size."""
    library = facts.get("library")
    if library == "asyncpg":
        return f"    pool = await asyncpg.create_pool(dsn, min_size={min(size, 5)}, max_size={size})"
    if library == "psycopg_pool":
        return f"    pool = {facts.get('kind')}(dsn, min_size={min(size, 4)}, max_size={size})"
    maker = "create_async_engine" if str(facts.get("kind")).startswith("Async") else "create_engine"
    return f"    engine = {maker}(url, pool_size={size}, max_overflow=0)"


def when_exhausted(facts: dict[str, Any], query_share: float | None, wanted: int, low_share: float) -> str:
    """Hold connections for less long where they are held for other things than queries, else have more of them."""
    if query_share is not None and query_share < low_share:
        return (
            "Connections are held mostly while no query runs: give them back before the code waits for something "
            "else, such as an HTTP call.\n\n"
            "    async with AsyncSession(engine) as session:\n        rows = (await session.execute(...)).all()\n"
            "    await client.post(...)    # outside of the session"
        )
    return (
        "Make the queries quicker, or the pool larger (mind that each worker has one, and that the server has to "
        f"allow them all):\n\n{sized(facts, wanted)}"
    )


def when_held(facts: dict[str, Any]) -> str:
    """Return connections in all cases."""
    if facts.get("library") in _ENGINES:
        return (
            "Close each session and connection, also when the code in between fails:\n\n"
            "    with Session(engine) as session:\n        ...\n\n"
            "In FastAPI, from a dependency that yields:\n\n"
            "    def get_session():\n        with Session(engine) as session:\n            yield session"
        )
    scope = "async with pool.acquire()" if facts.get("library") == "asyncpg" else "with pool.connection()"
    return f"Return each connection, also when the code in between fails:\n\n    {scope} as connection:\n        ..."


def when_too_large(facts: dict[str, Any], each: int, limit: int, workers: int) -> str:
    """Divide what the server allows among the workers."""
    return (
        f"Divide what the server allows among the workers, ({limit} - 3) / {workers} = {each}, and leave room for "
        f"other services, migrations and psql:\n\n{sized(facts, each)}\n\n"
        "Or put PgBouncer in between (pool_mode = transaction), or raise max_connections: each costs the server "
        "several MiB."
    )


def settings(*, shorter_timeout: bool) -> str:
    """The options that protect from dead connections, and from waiting for too long."""
    more = ", pool_timeout=5" if shorter_timeout else ""
    return f"    engine = create_engine(url, pool_pre_ping=True, pool_recycle=1800{more})"
