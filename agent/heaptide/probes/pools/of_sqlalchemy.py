"""SQLAlchemy's pools, of sync and async engines: `Pool.connect`, the check-in event, the engines' query events."""

from __future__ import annotations

import functools
import sys
import time
from typing import Any

from heaptide.probes.pools.hook import SWITCH
from heaptide.probes.pools.recorder import Asking

MODULE = "sqlalchemy.pool.base"
_BEGAN = "_heaptide_began"


def hook(module: Any) -> None:
    """Hooks the library.

    Args:
        module: `sqlalchemy.pool.base`.
    """
    event = sys.modules["sqlalchemy.event"]
    module.Pool.connect = _watched_connect(module.Pool.connect)
    event.listen(module.Pool, "checkin", _checked_in)
    engine = sys.modules.get("sqlalchemy.engine")
    if engine is not None:
        event.listen(engine.Engine, "before_cursor_execute", _query_begins)
        event.listen(engine.Engine, "after_cursor_execute", _query_ends)


def describe(pool: Any) -> dict[str, Any]:
    """Facts of a pool: what it is set to, and how it stands now."""
    dialect = getattr(pool, "_dialect", None)
    facts: dict[str, Any] = {
        "library": "sqlalchemy",
        "kind": type(pool).__name__,
        "database": getattr(dialect, "name", None),
        "driver": getattr(dialect, "driver", None),
        "pre_ping": bool(getattr(pool, "_pre_ping", False)),
        "recycle_s": getattr(pool, "_recycle", None),
    }
    if hasattr(pool, "checkedout"):
        facts |= {
            "size": pool.size(),
            "max_overflow": pool._max_overflow,
            "timeout_s": pool._timeout,
            "checked_out": pool.checkedout(),
            "idle": pool.checkedin(),
            "overflow": max(0, pool.overflow()),
        }
    return facts


def full(pool: Any) -> bool:
    """Whether a caller has to wait."""
    limit = getattr(pool, "_max_overflow", -1)
    return limit >= 0 and pool.checkedout() >= pool.size() + limit


def _watched_connect(connect: Any) -> Any:
    @functools.wraps(connect)
    def watched(pool: Any) -> Any:
        recorder = SWITCH.on()
        if recorder is None:
            return connect(pool)
        with Asking(recorder, pool, describe, full) as asking:
            connection = connect(pool)
            asking.got(id(getattr(connection, "_connection_record", None)), sys._getframe(1))
        return connection

    return watched


def _checked_in(_connection: Any, record: Any) -> None:
    recorder = SWITCH.on()
    if recorder is not None:
        with recorder.gate("after a check-in"):
            ledger = recorder.ledger(record._ConnectionRecord__pool, describe)
            if ledger is not None:
                ledger.back(id(record))


def _query_begins(_c: Any, _cursor: Any, _statement: Any, _parameters: Any, context: Any, _many: Any) -> None:
    recorder = SWITCH.on()
    if recorder is not None and context is not None:
        with recorder.gate("before a query"):
            setattr(context, _BEGAN, time.monotonic())


def _query_ends(connection: Any, _cursor: Any, _statement: Any, _parameters: Any, context: Any, _many: Any) -> None:
    recorder = SWITCH.on()
    began = getattr(context, _BEGAN, None)
    if recorder is not None and began is not None:
        with recorder.gate("after a query"):
            ledger = recorder.ledger(connection.engine.pool, describe)
            if ledger is not None:
                ledger.queries += 1
                ledger.query_s += time.monotonic() - began
