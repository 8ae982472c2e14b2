"""What the collector does by itself: each job one at a time, its failures told once and counted."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, JobExecutionEvent
from apscheduler.schedulers.background import BackgroundScheduler

log = logging.getLogger(__name__)

# Called with a job's name, its duration in seconds, and whether it failed.
Count = Callable[[str, float, bool], None]


@dataclass(frozen=True)
class Job:
    """Work to do every `interval_s` seconds; it is told the time, in seconds since the epoch."""

    name: str
    interval_s: float
    work: Callable[[float], object]


@dataclass
class Status:
    """What a job did: times in seconds since the epoch, failures since the start."""

    last_started: float | None = None
    last_succeeded: float | None = None
    last_seconds: float | None = None
    failures: int = 0
    failing: bool = False


class JobReport(NamedTuple):
    """A job, how often it is to run, and what it did; see `Status`."""

    name: str
    interval_s: float
    last_started: float | None
    last_succeeded: float | None
    last_seconds: float | None
    failures: int
    failing: bool


class Jobs:
    """Runs jobs on threads of their own.

    Args:
        jobs: what to do.
        count: where runs are counted.
    """

    def __init__(self, jobs: list[Job], count: Count) -> None:
        self._count = count
        self._status = {job.name: Status() for job in jobs}
        self._intervals = {job.name: job.interval_s for job in jobs}
        # The scheduler logs every failure with a traceback and every skipped run; `_told` says it once.
        for name in ("apscheduler.executors.default", "apscheduler.scheduler"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._scheduler = BackgroundScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        self._scheduler.add_listener(self._told, EVENT_JOB_EXECUTED | EVENT_JOB_ERROR)
        for job in jobs:
            self._scheduler.add_job(self._run, "interval", seconds=job.interval_s, args=[job], id=job.name)

    def start(self) -> None:
        """Begins; each job runs for the first time after its interval."""
        self._scheduler.start()

    def stop(self) -> None:
        """Ends, after the jobs that run now."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def status(self) -> dict[str, Any]:
        """What each job did last."""
        return {name: asdict(status) for name, status in self._status.items()}

    def reports(self) -> list[JobReport]:
        """The same with how often each is to run, in the order in which they were given."""
        return [JobReport(name, self._intervals[name], **asdict(status)) for name, status in self._status.items()]

    def _run(self, job: Job) -> None:
        status = self._status[job.name]
        status.last_started = time.time()
        started = time.monotonic()
        try:
            job.work(status.last_started)
        finally:
            status.last_seconds = time.monotonic() - started

    def _told(self, event: JobExecutionEvent) -> None:
        status = self._status[event.job_id]
        failed = event.exception is not None
        self._count(event.job_id, status.last_seconds or 0.0, failed)
        if not failed:
            if status.failing:
                log.warning("The job %s works again.", event.job_id)
            status.last_succeeded, status.failing = time.time(), False
            return
        status.failures += 1
        if not status.failing:
            log.error("The job %s failed; it's tried again.", event.job_id, exc_info=event.exception)
        status.failing = True
