"""Database pools: exhausted, held, too large for the server together, and without protection from dead connections."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from heaptide_server.checks import advice
from heaptide_server.checks.finding import Finding, Severity, WorkerFacts
from heaptide_server.checks.reading import flag, is_old, living, names, number, rows, text, told, watched_s

LEAST_WAITED = 10  # checkouts: fewer may be one burst
WAITED_SHARE = 0.01
# SQLAlchemy's and psycopg_pool's default pool timeout: who waited for such a connection has given up by now.
HELD_LONG_S = 30.0
QUERY_SHARE = 0.5  # of the time for which connections are held: below, they are mostly held for something else
# What the servers allow where nobody set it: postgresql.org's max_connections, dev.mysql.com's.
DEFAULT_CONNECTIONS = {"postgresql": 100, "mysql": 151, "mariadb": 151}
RESERVED = 3  # PostgreSQL's superuser_reserved_connections


@dataclass(frozen=True)
class Pool:
    """Pools that are alike in all workers of a service, their counters added up."""

    facts: dict[str, Any]
    workers: tuple[WorkerFacts, ...]
    rows: tuple[dict[str, Any], ...]

    def sum(self, name: str) -> float:
        """A counter over all workers."""
        return sum(number(row, name) or 0.0 for row in self.rows)

    def most(self, name: str) -> float:
        """The greatest value in a worker."""
        return max(number(row, name) or 0.0 for row in self.rows)

    @property
    def capacity(self) -> int | None:
        """Connections that one worker may open; None where there is no bound."""
        size, overflow = number(self.facts, "size"), number(self.facts, "max_overflow")
        return None if not size or overflow is None or overflow < 0 else int(size + overflow)

    @property
    def held_s(self) -> float:
        """Mean seconds for which a connection is out."""
        return self.sum("held_s") / max(self.sum("returned"), 1.0)

    @property
    def query_share(self) -> float | None:
        """Which part of that time its queries took; None where the library doesn't tell."""
        return self.sum("query_s") / self.sum("held_s") if self.sum("queries") and self.sum("held_s") else None

    @property
    def rate(self) -> float:
        """Checkouts a second in the busiest worker."""
        lives = zip(self.rows, self.workers, strict=True)
        return max((number(row, "checkouts") or 0.0) / watched_s(one) for row, one in lives)

    @property
    def subject(self) -> str:
        """What tells it from a service's other pools: all by which `pools` sorts them."""
        size, overflow = number(self.facts, "size"), number(self.facts, "max_overflow")
        if not size:
            return f"{self.name()} of any number of connections"
        more = " and more" if overflow is None or overflow < 0 else f" + {overflow:g}" if overflow else ""
        return f"{self.name()} of {size:g}{more} connections"

    def name(self) -> str:
        """As a person knows it."""
        library, driver = text(self.facts, "library"), text(self.facts, "driver")
        return f"{library}'s {text(self.facts, 'kind')}" + (f" ({driver})" if driver and driver != library else "")


def find(workers: Sequence[WorkerFacts]) -> list[Finding]:
    """What is wrong with the pools of a service."""
    alive = living(workers)
    found: list[Finding | None] = []
    for pool in pools(alive):
        found += [_exhausted(pool), _held(pool), _settings(pool)]
    found += [_too_large(database, alive) for database in DEFAULT_CONNECTIONS]
    return [one for one in found if one]


def pools(alive: Sequence[WorkerFacts]) -> list[Pool]:
    """The pools of all workers, those that are set alike together."""
    alike: dict[tuple[str, ...], list[tuple[WorkerFacts, dict[str, Any]]]] = {}
    for one in alive:
        for row in rows(told(one, "pools"), "pools"):
            key = tuple(str(row.get(name)) for name in ("library", "kind", "driver", "size", "max_overflow"))
            failures = {"timeouts": 0, "refused": 0} if is_old(row, "failed_at", one) else {}
            alike.setdefault(key, []).append((one, row | failures))
    return [
        Pool(members[0][1], tuple(one for one, _ in members), tuple(row for _, row in members))
        for members in alike.values()
    ]


def _exhausted(pool: Pool) -> Finding | None:
    timeouts, waited, checkouts = pool.sum("timeouts"), pool.sum("waited"), pool.sum("checkouts")
    often = waited >= max(LEAST_WAITED, WAITED_SHARE * checkouts)
    if pool.capacity is None or not pool.most("most_waiting") or not (timeouts or often):
        return None
    mean_wait_s = pool.sum("wait_s") / max(checkouts + timeouts, 1.0)
    severity: Severity = "critical" if timeouts else "warning"
    outcome = f"{timeouts:,.0f} gave up" if timeouts else f"{mean_wait_s:.2g} s on average"
    return Finding(
        kind="pool-exhausted",
        severity=severity,
        title=f"{pool.name()} has {pool.capacity} connections and needs more: up to {pool.most('most_waiting'):.0f} "
        f"calls at a time waited for one, {outcome}.",
        evidence=(
            f"{waited:,.0f} of {checkouts + timeouts:,.0f} checkouts waited, "
            f"{pool.most('longest_wait_s'):.2f} s at the longest; all {pool.capacity} connections were out at a time.",
            _littles_law(pool),
            *_query_share(pool),
            *_holders(pool),
        ),
        fix=advice.when_exhausted(pool.facts, pool.query_share, _wanted(pool), QUERY_SHARE),
        workers=names(pool.workers),
        subject=pool.subject,
    )


def _wanted(pool: Pool) -> int:
    """Connections with which nobody would have had to wait at the peak."""
    return math.ceil((pool.capacity or 0) + pool.most("most_waiting"))


def _littles_law(pool: Pool) -> str:
    return (
        f"Little's law: {pool.rate:.3g} checkouts a second x {pool.held_s:.3g} s held = {pool.rate * pool.held_s:.2g} "
        f"connections in use on average, {_wanted(pool)} at the peak (those out and those waiting)."
    )


def _query_share(pool: Pool) -> tuple[str, ...]:
    share = pool.query_share
    if share is None:
        return ()
    per_checkout_s = pool.sum("query_s") / max(pool.sum("returned"), 1.0)
    return (
        f"Queries take {per_checkout_s:.2g} s of the {pool.held_s:.2g} s for which a connection is held ({share:.0%}): "
        f"for them alone, {pool.rate * per_checkout_s:.2g} connections would do on average.",
    )


def _holders(pool: Pool) -> tuple[str, ...]:
    sums: dict[tuple[Any, ...], float] = {}
    for row in pool.rows:
        for held in _lists(row, "holders", 6):
            key = tuple(held[:3])
            sums[key] = sums.get(key, 0.0) + float(held[4])
    ranked = sorted(sums.items(), key=lambda item: -item[1])[:3]
    return tuple(f"{function} ({file}:{line}) held connections for {s:,.1f} s." for (file, function, line), s in ranked)


def _held(pool: Pool) -> Finding | None:
    long = [
        (one, held) for one, row in _members(pool) for held in _lists(row, "held_long", 5) if held[4] >= HELD_LONG_S
    ]
    if not long:
        return None
    count = max(sum(held[3] for other, held in long if other is one) for one, _ in long)
    oldest_s = max(held[4] for _, held in long)
    # One may be a listener, which holds its connection for good reason.
    much = pool.capacity is not None and count >= max(2, pool.capacity / 2)
    return Finding(
        kind="pool-held",
        severity="critical" if much else "warning" if count > 1 else "info",
        title=f"{count} of {pool.capacity or 'its'} connections of {pool.name()} have been out for up to "
        f"{oldest_s:,.0f} s: they don't come back.",
        evidence=tuple(dict.fromkeys(_where(held) for _, held in long)),
        fix=advice.when_held(pool.facts),
        workers=_once(one for one, _ in long),
        subject=pool.subject,
    )


def _where(held: list[Any]) -> str:
    file, function, line, count, oldest_s = held
    place = f"{function} ({file}:{line})" if file else "Code that isn't the app's own"
    return f"{place} has held {count} for up to {oldest_s:,.0f} s."


def _settings(pool: Pool) -> Finding | None:
    """Only where neither protects from a connection that the server, or a firewall, has closed meanwhile."""
    recycle_s = number(pool.facts, "recycle_s")
    guarded = flag(pool.facts, "pre_ping") is not False or (recycle_s is not None and recycle_s > 0)
    if guarded or text(pool.facts, "database") not in DEFAULT_CONNECTIONS or pool.capacity is None:
        return None
    timeout_s = number(pool.facts, "timeout_s") or 0.0
    late = timeout_s >= HELD_LONG_S
    return Finding(
        kind="pool-settings",
        severity="info",
        title=f"{pool.name()} has neither pool_pre_ping nor pool_recycle: after a restart of the database, or an idle "
        "hour behind a firewall, requests fail on dead connections.",
        evidence=(
            f"pool_pre_ping is off, pool_recycle is {recycle_s if recycle_s is not None else 'not set'}.",
            *((f"pool_timeout is {timeout_s:g} s: so long a request waits before it fails.",) if late else ()),
        ),
        fix=advice.settings(shorter_timeout=late),
        workers=names(pool.workers),
        subject=pool.subject,
    )


def _too_large(database: str, alive: Sequence[WorkerFacts]) -> Finding | None:
    """All workers' pools of a database together against what its server allows."""
    found = [pool for pool in pools(alive) if pool.capacity and text(pool.facts, "database") == database]
    total = sum((pool.capacity or 0) * len(pool.rows) for pool in found)
    if not found:
        return None
    told_limits = [limit for pool in found for row in pool.rows if (limit := number(row, "max_connections"))]
    limit = int(min(told_limits, default=DEFAULT_CONNECTIONS[database]))
    refused = sum(pool.sum("refused") for pool in found)
    if total <= limit - RESERVED and not refused:
        return None
    return _over(found, total, limit, refused, asked=bool(told_limits))


def _over(found: Sequence[Pool], total: int, limit: int, refused: float, *, asked: bool) -> Finding:
    workers = sum(len(pool.rows) for pool in found)
    each = max(1, (limit - RESERVED) // max(workers, 1))
    known = "max_connections" if asked else "the default max_connections, for the server wasn't asked"
    return Finding(
        kind="pool-too-large",
        severity="critical" if refused or asked else "warning",
        title=f"The pools may open {total:,} connections, but the server allows {limit:,}"
        + (f": it refused {refused:,.0f}." if refused else " to all its clients."),
        evidence=(
            *(
                f"{pool.name()}: {len(pool.rows)} workers x (pool_size {number(pool.facts, 'size'):g} + max_overflow "
                f"{number(pool.facts, 'max_overflow'):g}) = {(pool.capacity or 0) * len(pool.rows):,}."
                for pool in found
            ),
            f"{limit:,} is {known}; {RESERVED} of it are kept for superusers.",
        ),
        fix=advice.when_too_large(found[0].facts, each, limit, workers),
        workers=_once(one for pool in found for one in pool.workers),
        subject=text(found[0].facts, "database") or "",
    )


def _members(pool: Pool) -> list[tuple[WorkerFacts, dict[str, Any]]]:
    return list(zip(pool.workers, pool.rows, strict=True))


def _lists(row: dict[str, Any], name: str, columns: int) -> list[list[Any]]:
    """Rows as lists; what has other columns, or no numbers where they belong, is left out."""
    value = row.get(name)
    told_rows = value if isinstance(value, list) else []
    return [
        one
        for one in told_rows
        if isinstance(one, list) and len(one) == columns and all(isinstance(v, (int, float)) for v in one[3:])
    ]


def _once(workers: Iterable[WorkerFacts]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names(workers)))
