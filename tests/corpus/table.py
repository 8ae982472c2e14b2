"""The outcome as a Markdown table that can be pasted into the README."""

from __future__ import annotations

from typing import Any

from tests.corpus.cases import Case
from tests.corpus.judging import Attribution, in_cause, in_sites
from tests.corpus.running import STATUSES, Run

HEAD = ("case", "true kind", "leaky", "site shown", "true site", "root cause", "fixed", "right", "notes")
CALM_HEAD = ("program that doesn't leak", "verdict", "right", "notes")

_MIB = 1 << 20


def show(head: tuple[str, ...], rows: list[list[str]]) -> None:
    print(f"\n| {' | '.join(head)} |\n|{' --- |' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |")
    print(flush=True)


def row(case: Case, leaky: Run, fixed: Run) -> list[str]:
    """What became of a real leak."""
    return [
        case.name,
        str(case.truth["kind"]),
        _verdict(leaky),
        _shown(leaky),
        _place(in_sites(_named(leaky), case.truth), leaky),
        _place(in_cause(_named(leaky), case.truth), leaky),
        _verdict(fixed),
        "yes" if right(case, leaky, fixed) else "**no**",
        f"leaky: {_notes(leaky)}; fixed: {_notes(fixed)}",
    ]


def uninstallable(case: Case, why: str) -> list[str]:
    """A case whose pins can't be installed here."""
    return [case.name, str(case.truth["kind"]), "not run", *[""] * 5, f"can't be installed: {why}"]


def calm_row(run: Run) -> list[str]:
    """What became of a program that doesn't leak."""
    return [run.program.name, _verdict(run), "yes" if not accused(run) else "**no**", _notes(run)]


def right(case: Case, leaky: Run, fixed: Run) -> bool:
    """Whether the leak was found, at its place and of its kind, and the fixed program left alone."""
    named = [leak for leak in leaky.accused.values() if (leak["kind"] == "native") == case.native]
    placed = case.native or in_sites(named, case.truth) or in_cause(named, case.truth)
    return bool(named and placed) and not accused(fixed)


def accused(run: Run) -> bool:
    """Whether a program that doesn't leak was called a leak, or broke."""
    return bool(run.broke) or run.worst == "open"


def _verdict(run: Run) -> str:
    if run.broke:
        return f"broke: {run.broke.splitlines()[-1]}"
    if run.worst == "none":
        return "none"
    seen = [f"{status} {run.seconds[status]:.0f} s" for status in reversed(STATUSES) if status in run.seconds]
    return ", ".join(seen)


def _named(run: Run) -> list[dict[str, Any]]:
    """The leaks that were open, or whatever was said where none was: the fastest first."""
    said = list(run.accused.values()) or run.leaks
    return sorted(said, key=lambda leak: -leak["growth"]["bytes_per_hour"])


def _shown(run: Run) -> str:
    named = _named(run)
    if not named:
        return "-"
    site = named[0]["site"]
    where = f"`{site['file']}:{site['line']}` {site['function']}" if site else named[0]["kind"]
    more = f" (+{len(named) - 1})" if len(named) > 1 else ""
    return where + more


def _place(found: Attribution | None, run: Run) -> str:
    if found is None:
        return "no" if _named(run) else "-"
    leak = "" if found.leak == 1 else f"leak {found.leak}, "
    return f"{leak}frame {found.frame}"


def _notes(run: Run) -> str:
    worker = run.worker
    if not worker:
        return "no report came"
    sampled = worker["tracer"].get("sample_bytes")
    grown = f"{_grown_bytes(run) / _MIB:+.1f} MiB"
    pace = f"{worker['requests'] / max(run.ran_s, 1):.0f} requests/s"
    errors = f", {worker['cost']['errors']:.0f} errors in the agent" if worker["cost"].get("errors") else ""
    return f"{run.ran_s:.0f} s, {pace}, {grown} resident after the warm-up, sampled every {sampled} bytes{errors}"


def _grown_bytes(run: Run) -> float:
    """How far the resident set rose after the first quarter of the run, when imports and the tracer's tables are in."""
    settled = [rss_bytes for seconds, rss_bytes in run.resident if seconds > run.ran_s / 4]
    return settled[-1] - settled[0] if settled else 0.0
