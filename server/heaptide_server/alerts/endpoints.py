"""What the collector remembers of the targets themselves: disabled, asked to slow down, the secret made for one.

An endpoint is a target's name at one URL (`Target.endpoint`), so that a corrected URL starts with a clean slate.
"""

from __future__ import annotations

from sqlite_utils import Database


def is_disabled(db: Database, endpoint: str) -> bool:
    """Whether this endpoint said 410 Gone and nobody has replayed to it or tested it since."""
    return state(db, endpoint)[0] is not None


def state(db: Database, endpoint: str) -> tuple[float | None, float | None]:
    """Since when this endpoint is disabled, and until when it asked to be left alone; None where it isn't."""
    query = "SELECT disabled_at, paused_until FROM alert_endpoints WHERE endpoint = ?"
    disabled_at, paused_until = db.execute(query, [endpoint]).fetchone() or (None, None)
    return disabled_at, paused_until


def is_open(db: Database, endpoint: str, now: float) -> bool:
    """Whether deliveries may go to this endpoint now: it is neither disabled nor did it ask to slow down."""
    disabled_at, paused_until = state(db, endpoint)
    return disabled_at is None and (paused_until is None or paused_until <= now)


def pause(db: Database, endpoint: str, until: float) -> None:
    """Lets nothing go to this endpoint before then."""
    db.execute(
        "INSERT INTO alert_endpoints (endpoint, paused_until) VALUES (?, ?) "
        "ON CONFLICT (endpoint) DO UPDATE SET paused_until = excluded.paused_until",
        [endpoint, until],
    )


def disable(db: Database, endpoint: str, at: float) -> None:
    """Lets nothing go to this endpoint until `enable`."""
    db.execute(
        "INSERT INTO alert_endpoints (endpoint, disabled_at) VALUES (?, ?) "
        "ON CONFLICT (endpoint) DO UPDATE SET disabled_at = excluded.disabled_at",
        [endpoint, at],
    )


def enable(db: Database, endpoint: str) -> None:
    """Forgets that this endpoint was disabled or asked to slow down."""
    db.execute("DELETE FROM alert_endpoints WHERE endpoint = ?", [endpoint])


def stored_secret(db: Database, target: str, fresh: str) -> str:
    """The secret that was made for this target; `fresh` becomes it where there is none yet."""
    db.execute("INSERT OR IGNORE INTO alert_secrets (target, secret) VALUES (?, ?)", [target, fresh])
    row = db.execute("SELECT secret FROM alert_secrets WHERE target = ?", [target]).fetchone()
    return str(row[0])
