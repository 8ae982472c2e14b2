"""Who restarts a worker when it dies: a server's master, systemd, a supervisor, a container's runtime, or nobody."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from heaptide_server.checks import deaths, loops, snippets
from heaptide_server.checks.finding import Finding, WorkerFacts
from heaptide_server.checks.guards import DEVELOPMENT, UNKNOWN, guard_of, outside, reloads, respawns, server_of
from heaptide_server.checks.reading import flag, living, names, number, text, told

_RELOADER = "uvicorn's runs one worker whatever --workers says, and doesn't start one again that died."


def find(workers: Sequence[WorkerFacts]) -> list[Finding]:
    """What is wrong with who looks after the workers, and how workers died."""
    causes: tuple[Callable[[list[WorkerFacts]], list[Finding]], ...] = (
        _reloading,
        _unguarded,
        _doubtful,
        _ending_together,
    )
    alive = [one for one in living(workers) if _serves_people(one)]
    return [finding for cause in causes for finding in cause(alive)] + deaths.find(workers) + loops.find(workers)


def _serves_people(one: WorkerFacts) -> bool:
    """A script may end; and where people develop, they start things by hand."""
    return server_of(one) != UNKNOWN and one.worker.identity.environment.lower() not in DEVELOPMENT


def _unguarded(alive: list[WorkerFacts]) -> list[Finding]:
    guards = [(one, *guard_of(one)) for one in alive if not flag(told(one, "supervisor"), "reload")]
    alone = [(one, why) for one, guard, why in guards if guard == "nothing"]
    if not alone:
        return []
    one, why = alone[0]
    server, unit = server_of(one), text(told(one, "supervisor"), "unit")
    return [
        Finding(
            kind="no-supervisor",
            severity="critical",
            title=f"Nothing restarts {server} when it dies: {why}.",
            evidence=(
                f"{server} serves in {_processes(len(alone))} here, and doesn't start a worker again that died.",
                f"On {one.worker.identity.host} {why}: that doesn't start it again either.",
                "A crash, an exit or the kernel's out-of-memory killer ends the service until a person starts it.",
            ),
            fix=snippets.restart_in_unit(unit) if unit else snippets.unit_with_gunicorn(len(alone)),
            workers=names(one for one, _ in alone),
        )
    ]


def _doubtful(alive: list[WorkerFacts]) -> list[Finding]:
    """A container's runtime may restart it or not: that can't be seen from inside."""
    found = [one for one in alive if guard_of(one)[0] == "unknown" and text(told(one, "supervisor"), "container")]
    if not found:
        return []
    runtime = text(told(found[0], "supervisor"), "container")
    return [
        Finding(
            kind="restart-policy",
            severity="info",
            title=f"{server_of(found[0])} serves without a master in a container: only {runtime} can restart it.",
            evidence=(
                f"Whether {runtime} does depends on the container's restart policy, which can't be seen from inside.",
                "Without --restart, or restart: in a compose file, it doesn't.",
            ),
            fix=snippets.DOCKER_RESTART,
            workers=names(found),
        )
    ]


def _reloading(alive: list[WorkerFacts]) -> list[Finding]:
    found = [one for one in alive if reloads(one)]
    if not found:
        return []
    server, environment = server_of(found[0]), found[0].worker.identity.environment
    return [
        Finding(
            kind="reload-in-production",
            severity="warning",
            title=f"{server} runs with its reloader in the environment {environment!r}.",
            evidence=(
                "The reloader watches the source files and starts the service anew when one changes.",
                *((_RELOADER,) if server == "uvicorn" else ()),
            ),
            fix=snippets.WITHOUT_RELOAD,
            workers=names(found),
        )
    ]


def _ending_together(alive: list[WorkerFacts]) -> list[Finding]:
    """hypercorn, and granian as it comes, end all workers when one of them has failed."""
    found = [one for one in alive if server_of(one) in ("hypercorn", "granian") and not respawns(one)]
    several = [one for one in found if (number(told(one, "supervisor"), "workers") or 1) > 1]
    if not several:
        return []
    server = server_of(several[0])
    guarded = all(outside(one)[0] == "restarts" for one in several)
    return [
        Finding(
            kind="one-death-ends-all",
            severity="info" if guarded else "warning",
            title=f"When one {server} worker fails, {server} ends all {len(several)} of them.",
            evidence=(
                f"{server} has {len(several)} workers here and isn't told to start a failed one anew.",
                f"Outside of it, {outside(several[0])[1]}.",
            ),
            fix=snippets.GRANIAN_RESPAWN if server == "granian" else snippets.unit_with_gunicorn(len(several)),
            workers=names(several),
        )
    ]


def _processes(count: int) -> str:
    return "one process" if count == 1 else f"{count} processes"
