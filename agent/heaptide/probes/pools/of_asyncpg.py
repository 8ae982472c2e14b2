"""asyncpg's pools: `Pool._acquire`, which all ways of acquiring go through, and `Pool.release`."""

from __future__ import annotations

import functools
import sys
from typing import Any

from heaptide.probes.pools.hook import SWITCH
from heaptide.probes.pools.recorder import Asking

MODULE = "asyncpg.pool"


def hook(module: Any) -> None:
    """Hooks the library.

    Args:
        module: `asyncpg.pool`.
    """
    module.Pool._acquire = _watched_acquire(module.Pool._acquire)
    module.Pool.release = _watched_release(module.Pool.release)


def describe(pool: Any) -> dict[str, Any]:
    """Facts of a pool: what it is set to, and how it stands now; {} once it is closed."""
    if pool.is_closing():
        return {}
    return {
        "library": "asyncpg",
        "kind": "Pool",
        "database": "postgresql",
        "driver": "asyncpg",
        "size": pool.get_max_size(),
        "max_overflow": 0,
        "checked_out": pool.get_size() - pool.get_idle_size(),
        "idle": pool.get_idle_size(),
        "overflow": 0,
    }


def full(pool: Any) -> bool:
    """Whether a caller has to wait."""
    return bool(pool._queue.empty())


def _watched_acquire(acquire: Any) -> Any:
    @functools.wraps(acquire)
    async def watched(pool: Any, timeout: Any) -> Any:
        recorder = SWITCH.on()
        if recorder is None:
            return await acquire(pool, timeout)
        with Asking(recorder, pool, describe, full) as asking:
            connection = await acquire(pool, timeout)
            asking.got(id(connection), sys._getframe(1))
        return connection

    return watched


def _watched_release(release: Any) -> Any:
    @functools.wraps(release)
    async def watched(pool: Any, connection: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return await release(pool, connection, *arguments, **options)
        finally:
            recorder = SWITCH.on()
            if recorder is not None:
                with recorder.gate("after a release"):
                    ledger = recorder.ledger(pool, describe)
                    if ledger is not None:
                        ledger.back(id(connection))

    return watched
