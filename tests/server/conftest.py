"""Workers that report as the agent does, and a store to report to."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from heaptide.wire import CONTENT_TYPE, SITE_COLUMNS, pack
from heaptide_server.model import Frame, Report, WorkerIdentity
from heaptide_server.store.sqlite import SqliteStore

START = 1_800_000_000.0


@dataclass
class Sender:
    """One worker's side of the chain: what it holds, and the reports that tell of it.

    Changes are {line: bytes}; line 7 is the site `shop/app.py:7` in `remember`, unless `functions` names another;
    blocks are bytes / 64.
    """

    key: str = "0" * 32
    service: str = "shop"
    environment: str = "production"
    host: str = "web-1"
    pid: int = 10
    started_at: float = START
    release: str | None = "1.0"
    interval_s: float = 30.0
    sequence: int = 0
    acknowledged: int = 0
    lines: list[int] = field(default_factory=list)
    levels: dict[int, int] = field(default_factory=dict)
    tracer: str = "exact"
    functions: dict[int, str] = field(default_factory=dict)

    def report(
        self,
        changes: dict[int, int],
        at: float,
        *,
        requests: int = 10,
        final: bool = False,
        rss_bytes: float | None = 1e8,
        resync: bool = False,
        answers: list[dict[str, Any]] | None = None,
        vitals: dict[str, float | None] | None = None,
        facts: dict[str, dict[str, Any]] | None = None,
    ) -> Report:
        """The next report, base and all; the caller sets `acknowledged` when it was."""
        base = 0 if resync else self.acknowledged
        for line, change in changes.items():
            self.levels[line] = self.levels.get(line, 0) + change
        if base == 0:
            self.lines, changes = [], self.levels
        new = [line for line in changes if line not in self.lines]
        first = len(self.lines)
        self.lines += new
        self.sequence += 1
        rows = sorted((self.lines.index(line), change) for line, change in changes.items())
        return Report(
            worker=self.identity,
            base=base,
            sequence=self.sequence,
            taken_at=at,
            elapsed_s=self.interval_s,
            skew_s=0.0,
            final=final,
            requests=requests,
            vitals={"rss_bytes": rss_bytes, "limit_bytes": 1e9} | (vitals or {}),
            tracer={"name": self.tracer, "frames": 8, "sample_bytes": None, "traced_bytes": 1, "skipped": False},
            first_site=first,
            new_sites=[(Frame("shop/app.py", self.functions.get(line, "remember"), line, True),) for line in new],
            site_changes=packed_sites(rows),
            first_type=0 if base == 0 else 1,
            new_types=["dict"] if base == 0 else [],
            type_changes=pack([0], {"count": [1]}),
            agent={"cpu_s": 0.1},
            answers=answers or [],
            facts=facts or {},
        )

    @property
    def identity(self) -> WorkerIdentity:
        return WorkerIdentity(
            self.key, self.service, self.environment, self.host, self.pid, self.started_at, self.release,
            "3.11.7", "0.1.0", "gunicorn", self.interval_s,
        )  # fmt: skip

    def body(self, changes: dict[int, int], at: float, **options: Any) -> dict[str, Any]:
        """The next report as it travels, before it is compressed."""
        return to_body(self.report(changes, at, **options), at)


def packed_sites(rows: list[tuple[int, int]]) -> bytes:
    columns = {name: [0] * len(rows) for name in SITE_COLUMNS}
    columns["bytes"] = [change for _, change in rows]
    columns["blocks"] = [change // 64 for _, change in rows]
    return pack([number for number, _ in rows], columns)


def to_body(report: Report, sent_at: float) -> dict[str, Any]:
    frames = [frame for stack in report.new_sites for frame in stack]
    return {
        "version": 1,
        "worker": {name: getattr(report.worker, name) for name in WorkerIdentity.__dataclass_fields__},
        "base": report.base,
        "sequence": report.sequence,
        "taken_at": report.taken_at,
        "sent_at": sent_at,
        "elapsed_s": report.elapsed_s,
        "final": report.final,
        "requests": report.requests,
        "vitals": report.vitals,
        "tracer": report.tracer,
        "sites": {
            "first": report.first_site,
            "frames": [[frame.file, frame.function, frame.line, frame.in_app] for frame in frames],
            "define": [[index] for index in range(len(frames))],
            "changes": base64.b64encode(report.site_changes).decode(),
        },
        "types": {
            "first": report.first_type,
            "define": report.new_types,
            "changes": base64.b64encode(report.type_changes).decode(),
        },
        "agent": report.agent,
        "answers": report.answers,
        **({"facts": report.facts} if report.facts else {}),
    }


@pytest.fixture(scope="session")
def sender() -> type[Sender]:
    return Sender


@pytest.fixture(scope="session")
def report_headers() -> dict[str, str]:
    return {"Content-Type": CONTENT_TYPE, "Content-Encoding": "gzip"}


@pytest.fixture(scope="session")
def compressed() -> Callable[[Any], bytes]:
    return lambda body: gzip.compress(json.dumps(body).encode())


@pytest.fixture
def found() -> Callable[..., dict[str, Any]]:
    """A worker's answer to a diagnosis, as it travels."""

    def _found(number: str, *sites: int, count: int = 187, held_by: str = "shop.quotes._QUOTES") -> dict[str, Any]:
        hops = [
            {"name": held_by, "type": "dict", "length": 48211},
            {"name": "[key]", "type": "shop.quotes.Quote", "length": None},
            {"name": "Quote.lines", "type": "list", "length": 3},
        ]
        path = {"count": count, "hops": hops}
        ages = {"under_1_min": 10, "under_5_min": 20.5, "under_30_min": 30, "under_2_h": 0, "older": 40}
        types = [{"name": "shop.quotes.Quote", "share": 0.75}, {"name": "dict", "share": 0.25}]
        told = [{"site": site, "types": types, "ages": ages, "retention": [path]} for site in sites]
        return {"id": number, "status": "done", "reason": None, "sites": told}

    return _found


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "heaptide.db")
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def start() -> float:
    """An hour's beginning, in seconds since the epoch."""
    assert START % 3600 == 0
    return START


@pytest.fixture
def send(store: SqliteStore) -> Callable[..., str]:
    """Appends a sender's next report and lets it know; the receipt's outcome."""

    def _send(sender: Sender, changes: dict[int, int], at: float, **options: Any) -> str:
        (receipt,) = store.append([sender.report(changes, at, **options)], at)
        sender.acknowledged = receipt.acknowledged
        return receipt.outcome

    return _send
