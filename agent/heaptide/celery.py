"""Watches a Celery worker: each task counts, and each of its processes that runs tasks reports.

A prefork worker's parent only looks after its children. They leave by `os._exit`, without `atexit`; Celery's own signal
is what is left to send the last report from.
"""

from __future__ import annotations

from typing import Any

from heaptide.middleware import Watcher

_UID = "heaptide"  # Celery connects a receiver once by it


def watch_tasks(signals: Any, watcher: Watcher) -> None:
    """Connects a watcher.

    Args:
        signals: the module `celery.signals`.
        watcher: who is told. A pool of threads or greenlets has no signal for its start: its first task tells.
    """

    def begin(**_: Any) -> None:
        watcher.begin()

    def end(**_: Any) -> None:
        watcher.end()

    def count(task: Any = None, **_: Any) -> None:
        if not task.request.is_eager:  # an eager task is part of whatever calls it
            watcher.count()

    signals.worker_process_init.connect(begin, weak=False, dispatch_uid=_UID)
    signals.worker_process_shutdown.connect(end, weak=False, dispatch_uid=_UID)
    signals.task_prerun.connect(count, weak=False, dispatch_uid=_UID)
