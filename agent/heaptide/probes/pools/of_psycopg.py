"""psycopg_pool's pools, sync and async: `getconn` and `putconn`, which their context managers call."""

from __future__ import annotations

import functools
import sys
from typing import Any

from heaptide.probes.pools.hook import SWITCH
from heaptide.probes.pools.recorder import Asking

MODULE = "psycopg_pool"


def hook(module: Any) -> None:
    """Hooks the library.

    Args:
        module: `psycopg_pool`.
    """
    for pool, watched_get, watched_put in (
        (module.ConnectionPool, _watched_get, _watched_put),
        (module.AsyncConnectionPool, _watched_get_async, _watched_put_async),
    ):
        pool.getconn = watched_get(pool.getconn)
        pool.putconn = watched_put(pool.putconn)


def describe(pool: Any) -> dict[str, Any]:
    """Facts of a pool: what it is set to, and how it stands now; {} once it is closed."""
    if pool.closed:
        return {}
    now = pool.get_stats()
    return {
        "library": "psycopg_pool",
        "kind": type(pool).__name__,
        "database": "postgresql",
        "driver": "psycopg",
        "size": now["pool_max"],
        "max_overflow": 0,
        "timeout_s": pool.timeout,
        "checked_out": now["pool_size"] - now["pool_available"],
        "idle": now["pool_available"],
        "overflow": 0,
        "pre_ping": getattr(pool, "_check", None) is not None,
        "recycle_s": pool.max_lifetime,
    }


def full(pool: Any) -> bool:
    """Whether a caller has to wait."""
    return not pool._pool and pool._nconns >= pool.max_size


def _watched_get(getconn: Any) -> Any:
    @functools.wraps(getconn)
    def watched(pool: Any, *arguments: Any, **options: Any) -> Any:
        recorder = SWITCH.on()
        if recorder is None:
            return getconn(pool, *arguments, **options)
        with Asking(recorder, pool, describe, full) as asking:
            connection = getconn(pool, *arguments, **options)
            asking.got(id(connection), sys._getframe(1))
        return connection

    return watched


def _watched_get_async(getconn: Any) -> Any:
    @functools.wraps(getconn)
    async def watched(pool: Any, *arguments: Any, **options: Any) -> Any:
        recorder = SWITCH.on()
        if recorder is None:
            return await getconn(pool, *arguments, **options)
        with Asking(recorder, pool, describe, full) as asking:
            connection = await getconn(pool, *arguments, **options)
            asking.got(id(connection), sys._getframe(1))
        return connection

    return watched


def _watched_put(putconn: Any) -> Any:
    @functools.wraps(putconn)
    def watched(pool: Any, connection: Any) -> Any:
        _back(pool, connection)
        return putconn(pool, connection)

    return watched


def _watched_put_async(putconn: Any) -> Any:
    @functools.wraps(putconn)
    async def watched(pool: Any, connection: Any) -> Any:
        _back(pool, connection)
        return await putconn(pool, connection)

    return watched


def _back(pool: Any, connection: Any) -> None:
    # Before it is back: then another caller may have it, and its key would be counted twice.
    recorder = SWITCH.on()
    if recorder is not None:
        with recorder.gate("before a return"):
            ledger = recorder.ledger(pool, describe)
            if ledger is not None:
                ledger.back(id(connection))
