"""What isn't closed: open files that become more, and apps that are never told to close what they hold."""

from __future__ import annotations

from heaptide_server.checks import snippets
from heaptide_server.checks.finding import Finding, WorkerFacts
from heaptide_server.checks.guards import server_of
from heaptide_server.checks.reading import flag, names, number, rows, told
from heaptide_server.checks.rising import rise

LEAST_FILES = 100
NEARLY_ALL = 0.8  # of the files that a process may open


def find(alive: list[WorkerFacts]) -> list[Finding]:
    """What isn't closed in living workers."""
    return [finding for finding in (_files(alive), _lifespan_off(alive), _no_shutdown(alive)) if finding]


def _files(alive: list[WorkerFacts]) -> Finding | None:
    full = [one for one in alive if _share(one) >= NEARLY_ALL]
    rising = [(one, risen) for one in alive if (risen := rise(told(one, "files"), LEAST_FILES))]
    concerned = full or [one for one, _ in rising]
    if not concerned:
        return None
    facts = told(concerned[0], "files")
    limit = number(facts, "limit")
    of_limit = f" of the {limit:,.0f} that it may have" if limit else ""
    return Finding(
        kind="open-files",
        severity="critical" if full else "warning",
        title=f"A worker has {number(facts, 'last') or 0:,.0f} open files{of_limit}"
        f"{', and they become more' if rising else ''}.",
        evidence=(
            f"Of those looked at: {_kinds(facts)}.",
            *(risen.sentence(names([one])[0]) for one, risen in rising[:3]),
            "At the limit, accepting a connection and opening a file fail with 'Too many open files' (EMFILE).",
        ),
        fix="Close what is opened (with open(...) as file, with httpx.Client() as client). If the service needs as "
        "many, raise the limit; in a unit:\n\n    [Service]\n    LimitNOFILE=65536",
        workers=names(concerned),
    )


def _share(one: WorkerFacts) -> float:
    """Open files of those that a worker may have, 0 to 1."""
    opened, limit = number(told(one, "files"), "last"), number(told(one, "files"), "limit")
    return opened / limit if opened is not None and limit else 0.0


def _kinds(facts: dict[str, object]) -> str:
    kinds = facts.get("kinds")
    counts = {kind: number(kinds, kind) or 0.0 for kind in kinds} if isinstance(kinds, dict) else {}
    ranked = sorted(counts.items(), key=lambda pair: -pair[1])[:4]
    return ", ".join(f"{count:,.0f} {kind}" for kind, count in ranked) or "unknown"


def _lifespan_off(alive: list[WorkerFacts]) -> Finding | None:
    found = [one for one in alive if flag(told(one, "lifespan"), "lifespan") is False]
    if not found:
        return None
    return Finding(
        kind="lifespan-off",
        severity="warning",
        title=f"{server_of(found[0])} serves the app without its lifespan: nothing is closed at shutdown.",
        evidence=(
            "Requests came, but the server never opened the ASGI lifespan.",
            "So neither the app's start-up nor its shutdown runs: pools and clients stay open, what "
            "is buffered is lost.",
        ),
        fix="Leave out --lifespan off, or say on:\n\n    uvicorn --lifespan on shop.main:app",
        workers=names(found),
    )


def _no_shutdown(alive: list[WorkerFacts]) -> Finding | None:
    found = [one for one in alive if flag(told(one, "lifespan"), "handles") is False and _has_clients(one)]
    if not found:
        return None
    return Finding(
        kind="no-shutdown",
        severity="info",
        title="The app keeps HTTP clients, but has no lifespan that closes them at shutdown.",
        evidence=("It has neither a lifespan nor a shutdown handler.", "HTTP clients are alive in its workers."),
        fix=snippets.LIFESPAN,
        workers=names(found),
    )


def _has_clients(one: WorkerFacts) -> bool:
    return any((number(row, "last") or 0) > 0 for row in rows(told(one, "clients"), "types"))
