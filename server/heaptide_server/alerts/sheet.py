"""What is to be told of one leak, as plain JSON: made when it happens, and read by every format's body.

The outbox keeps sheets, so that what waits there is sent as it was, whatever the collector's next version knows of a
leak.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from heaptide_server.alerts.sentences import Notice, is_resolved, label, place, rate, summary
from heaptide_server.model import Leak


@dataclass(frozen=True)
class Pages:
    """What a body needs to know of the rest of the collector.

    Attributes:
        base_url: the collector's own address as people open it, no slash at the end.
        leak_json: a leak as the HTTP API tells it.
    """

    base_url: str
    leak_json: Callable[[Leak], dict[str, Any]]

    def leak_url(self, leak: Leak) -> str:
        """The leak's page."""
        return f"{self.base_url}/leaks/{leak.id}"


@dataclass(frozen=True)
class Sheet:
    """One notice of one leak.

    Attributes:
        type: leak.firing, leak.resolved, leak.test, check.firing or check.resolved.
        resolved: whether it says that the leak is over.
        at: when it happened, seconds since the epoch.
        place: where the leak is, with its line; `label` is the same without what a new release may shift.
        frames: the stack, allocation first.
        url: the leak's page.
        leak: the leak as the HTTP API tells it; of a check, the finding.
    """

    type: str
    resolved: bool
    at: float
    leak_id: str
    service: str
    environment: str
    kind: str
    place: str
    label: str
    summary: str
    evidence: str
    rate: str
    release: str | None
    frames: list[str]
    first_seen: float
    url: str
    leak: dict[str, Any]

    def text(self) -> str:
        """The sheet as JSON in ASCII, whatever names it has."""
        return json.dumps(asdict(self), separators=(",", ":"), allow_nan=False)


def sheet_of(notice: Notice, at: float, pages: Pages) -> Sheet:
    """What a notice says.

    Args:
        at: when it happened, seconds since the epoch.
    """
    leak = notice.leak
    return Sheet(
        type=notice.kind,
        resolved=is_resolved(notice),
        at=at,
        leak_id=leak.id,
        service=leak.service,
        environment=leak.environment,
        kind=leak.kind,
        place=place(leak),
        label=label(leak),
        summary=summary(notice),
        evidence=leak.evidence,
        rate=rate(leak),
        release=leak.release,
        frames=[f"{frame.file}:{frame.line} {frame.function}" for frame in leak.site.frames] if leak.site else [],
        first_seen=leak.first_seen,
        url=pages.leak_url(leak),
        leak=_finite(pages.leak_json(leak)),
    )


def read_sheet(text: str) -> Sheet:
    """The sheet that `Sheet.text` wrote."""
    return Sheet(**json.loads(text))


def timestamp(at: float) -> str:
    """Seconds since the epoch as RFC 3339 in UTC."""
    return datetime.fromtimestamp(at, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _finite(value: Any) -> Any:
    # JSON has no NaN, and an alert that can't be written must not undo the transaction that it is written in.
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
