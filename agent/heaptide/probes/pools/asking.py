"""Asks a database once how many connections it allows: on a connection that lies idle in the service's own pool.

Only where the settings allow it, for it is a statement that the service didn't send. Only on a pool that has an idle
connection and nobody who waits: so nobody is kept waiting for it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from types import CoroutineType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from concurrent.futures import Future

QUESTIONS = {
    "postgresql": "show max_connections",
    "mysql": "select @@max_connections",
    "mariadb": "select @@max_connections",
}
_TIMEOUT_S = 2.0

Ask = Callable[[Any, str], Any]


class Question:
    """One question to one pool: asked in this thread, or in the loop that the pool belongs to.

    Attributes:
        asked: it was put, with or without an answer; it is put once.
    """

    def __init__(self) -> None:
        self.asked = False
        self._future: Future[Any] | None = None
        self._answer: int | None = None

    def answer(self) -> int | None:
        """The connections that the server allows; None as long as that isn't known."""
        if self._future is not None and self._future.done():
            future, self._future = self._future, None
            self._answer = int(future.result())
        return self._answer

    def put(self, ask: Ask, pool: Any, database: str, loop: AbstractEventLoop | None) -> None:
        """Asks.

        Args:
            ask: the library's way; returns a coroutine for a pool of an event loop.
            pool: whom to ask.
            database: which kind, see `QUESTIONS`.
            loop: the pool's; None for a pool of threads.
        """
        self.asked = True
        answer = ask(pool, QUESTIONS[database])
        if not isinstance(answer, CoroutineType):
            self._answer = int(answer)
        elif loop is not None and loop.is_running():
            self._future = sys.modules["asyncio"].run_coroutine_threadsafe(_in_time(answer), loop)
        else:
            answer.close()


async def _in_time(answer: Coroutine[Any, Any, Any]) -> Any:
    return await sys.modules["asyncio"].wait_for(answer, _TIMEOUT_S)


def on_sqlalchemy(pool: Any, question: str) -> Any:
    """Of a pool of threads at once, of an async engine's pool in a greenlet, as its own calls run."""
    if not pool._is_asyncio:
        return _on_dbapi(pool, question)
    return sys.modules["sqlalchemy.util.concurrency"].greenlet_spawn(_on_dbapi, pool, question)


def _on_dbapi(pool: Any, question: str) -> Any:
    connection = pool.connect()
    try:
        cursor = connection.cursor()
        cursor.execute(question)
        answer = cursor.fetchone()[0]
        cursor.close()
    finally:
        connection.close()
    return answer


def on_asyncpg(pool: Any, question: str) -> Any:
    """As the pool itself offers it."""
    return pool.fetchval(question, timeout=_TIMEOUT_S)


def on_psycopg(pool: Any, question: str) -> Any:
    """Of either kind of pool."""
    return _on_psycopg_async(pool, question) if type(pool).__name__.startswith("Async") else _on_psycopg(pool, question)


def _on_psycopg(pool: Any, question: str) -> Any:
    with pool.connection(timeout=_TIMEOUT_S) as connection:
        return connection.execute(question).fetchone()[0]


async def _on_psycopg_async(pool: Any, question: str) -> Any:
    async with pool.connection(timeout=_TIMEOUT_S) as connection:
        return (await (await connection.execute(question)).fetchone())[0]


WAYS: dict[str, Ask] = {"sqlalchemy": on_sqlalchemy, "asyncpg": on_asyncpg, "psycopg_pool": on_psycopg}
