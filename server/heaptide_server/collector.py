"""The rooms joined: store, leaks, alerts, and the jobs that move data from one to the next."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing

from sqlite_utils import Database

from heaptide_server.alerts import tables
from heaptide_server.alerts.configured import load_targets
from heaptide_server.alerts.delivery import Courier
from heaptide_server.alerts.desk import Desk
from heaptide_server.alerts.sentences import Notice
from heaptide_server.api.metrics import Metrics
from heaptide_server.api.shapes import leak_json
from heaptide_server.checks.telling import Telling
from heaptide_server.jobs import Job, JobReport, Jobs
from heaptide_server.leaks.diagnosing import Diagnosing
from heaptide_server.leaks.ledger import Ledger
from heaptide_server.leaks.watch import Watch
from heaptide_server.settings import Settings
from heaptide_server.store.connections import connect
from heaptide_server.store.retention import Retention
from heaptide_server.store.sqlite import SqliteStore

REAP_EVERY_S = 1.0
ROLLUP_EVERY_S = 60.0
EXPIRE_EVERY_S = 600.0
REPEAT_EVERY_S = 60.0
CHECK_EVERY_S = 60.0


class Collector:
    """One collector on one SQLite file. Making it touches nothing; `open` does.

    Attributes:
        store: what was reported.
        ledger: what leaks.
        diagnosing: asks workers why.
        metrics: what the collector tells of itself.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        retention = Retention(settings.raw_s, settings.five_minutes_s, settings.hours_s, settings.days_s)
        self.store = SqliteStore(settings.db, retention, opened_at=time.time())
        self.ledger = Ledger(settings.db, self._enqueue)
        self.diagnosing = Diagnosing(self.store, self.ledger)
        self.metrics = Metrics(self.store, self.ledger)
        self._courier: Courier | None = None
        self._desk: Desk | None = None
        self._jobs: Jobs | None = None

    def open(self) -> None:
        """Brings the file up to date and starts the jobs. Idempotent.

        Raises:
            ValueError: a setting of the webhook is wrong; a sentence says which.
            sqlite3.Error: the file can't be opened or isn't a database.
        """
        if self._jobs:
            return
        self.store.migrate()
        self.ledger.migrate()
        self._courier = self._make_courier()
        self._desk = Desk(self.settings.db, self._courier)
        self._jobs = Jobs(self._work(self._courier), self.metrics.count_job)
        self._jobs.start()

    def close(self) -> None:
        """Ends what `open` began: sending, jobs, then the store. Idempotent."""
        if self._courier:
            self._courier.stop()
        if self._jobs:
            self._jobs.stop()
        self.store.close()

    def desk(self) -> Desk:
        """Where people look after alerts; there is one from `open` on."""
        assert self._desk is not None
        return self._desk

    def job_status(self) -> dict[str, object]:
        """What each job did last."""
        return self._jobs.status() if self._jobs else {}

    def job_reports(self) -> list[JobReport]:
        """What each job did last, and how often it is to run."""
        return self._jobs.reports() if self._jobs else []

    def _make_courier(self) -> Courier:
        settings = self.settings
        with closing(connect(settings.db).conn) as connection:
            db = Database(connection)
            tables.migrate(db)
            targets = load_targets(db, settings)
        return Courier(settings.db, targets, settings.address, leak_json, group_s=settings.webhook_group_s)

    def _work(self, courier: Courier) -> list[Job]:
        watch = Watch(self.store, self.ledger)
        telling = Telling(
            self.settings.db,
            self.store,
            self.ledger,
            courier.tell,
            self.settings.address,
            repeat_s=self.settings.webhook_repeat_s,
        )
        telling.migrate()
        return [
            Job("reap", REAP_EVERY_S, self.store.reap),
            Job("rollup", ROLLUP_EVERY_S, self.store.rollup),
            Job("retention", EXPIRE_EVERY_S, self._expire),
            Job("trends", self.settings.trend_interval_s, watch.tick),
            Job("repeat", REPEAT_EVERY_S, self._repeat),
            Job("checks", CHECK_EVERY_S, telling.tick),
            Job("diagnosis", self.settings.trend_interval_s, self.diagnosing.tick),
            Job("delivery", self.settings.delivery_interval_s, courier.deliver_due),
        ]

    def _expire(self, now: float) -> None:
        self.store.expire(now)
        self.desk().expire(now - self.settings.deliveries_s)

    def _repeat(self, now: float) -> None:
        if self.settings.webhook_repeat_s:
            self.ledger.repeat(now, self.settings.webhook_repeat_s)

    def _enqueue(self, db: Database, notices: Sequence[Notice], now: float) -> None:
        if self._courier:
            self._courier.enqueue(db, notices, now)
