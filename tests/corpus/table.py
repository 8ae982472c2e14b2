"""The outcome as Markdown tables that can be pasted into the README."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tests.corpus.cases import Case
from tests.corpus.judging import Attribution, in_sites
from tests.corpus.running import STATUSES, Run

HEAD = ("case", "what leaks", "verdict", "shown at", "true site among its frames", "fixed twin", "right")
CALM_HEAD = ("program that doesn't leak", "at the end", "on the way", "right")
RUN_HEAD = ("run", "seconds", "requests per second", "lives", "resident after the warm-up", "sample bytes", "notes")

_MIB = 1 << 20


def show(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table, or nothing where there are no rows."""
    if not rows:
        return
    print(f"\n| {' | '.join(head)} |\n|{' --- |' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |")
    print(flush=True)


def row(case: Case, leaky: Run, fixed: Run) -> list[str]:
    """What became of a leak."""
    return [
        case.name,
        _what(case),
        _verdict(leaky),
        _shown(leaky),
        "outside Python's heap" if case.native else _place(in_sites(_named(leaky), case.truth), leaky),
        _of_twin(fixed),
        "yes" if right(case, leaky, fixed) else "**no**",
    ]


def uninstallable(case: Case, why: str) -> list[str]:
    """A case whose pins can't be installed here."""
    return [case.name, _what(case), f"not run: {why}", "-", "-", "-", "-"]


def calm_row(run: Run) -> list[str]:
    """What became of a program that doesn't leak."""
    return [run.program.name, run.last if not run.broke else _verdict(run), _on_the_way(run), _calm_right(run)]


def run_row(run: Run) -> list[str]:
    """How one run went."""
    workers = list(run.workers.values())
    served = sum(worker["requests"] for worker in workers)
    sampled = sorted({worker["tracer"]["sample_bytes"] for worker in workers if worker["tracer"].get("sample_bytes")})
    errors = sum(worker["cost"].get("errors") or 0 for worker in workers)
    return [
        run.program.name,
        f"{run.ran_s:.0f}",
        f"{served / max(run.ran_s, 1):.0f}",
        _lives(workers),
        f"{_grown_bytes(run) / _MIB:+.1f} MiB" if len(workers) == 1 else "-",
        " to ".join(f"{rate:,}" for rate in sorted({sampled[0], sampled[-1]})) if sampled else "-",
        f"{errors:.0f} errors in the agent" if errors else "" if workers else "no report came",
    ]


def right(case: Case, leaky: Run, fixed: Run) -> bool:
    """Whether the leak was found, as one of its kind, the true site among its frames, and its fixed twin left alone."""
    named = [leak for leak in leaky.accused.values() if (leak["kind"] == "native") == case.native]
    placed = case.native or in_sites(named, case.truth) is not None
    return bool(named) and placed and left_alone(case, fixed)


def left_alone(case: Case, fixed: Run) -> bool:
    """Whether nothing was ever said of a program that has been fixed, but of one with a cache that it fills."""
    return not fixed.broke and fixed.worst in ("none", *(["filling"] if case.twin_fills else []))


def harmless(run: Run) -> bool:
    """Whether a program that doesn't leak was never called a leak, and nothing or "filling" is said of it at the end.

    A suspicion on the way alarms nobody: it is what makes the collector ask a worker what holds the memory.
    """
    return not run.broke and run.worst != "open" and run.last in ("none", "filling")


def _calm_right(run: Run) -> str:
    if not harmless(run):
        return "**no**"
    return f"yes, after {run.lasted['suspect']:.0f} s of suspicion" if "suspect" in run.lasted else "yes"


def _lives(workers: Sequence[dict[str, Any]]) -> str:
    lengths_s = [(_at(worker["last_seen"]) - _at(worker["started_at"])).total_seconds() for worker in workers]
    return str(len(workers)) if len(workers) < 2 else f"{len(workers)}, of at most {max(lengths_s):.0f} s"


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _what(case: Case) -> str:
    held = f", held by {case.truth['held_by']}" if case.truth.get("held_by") else ""
    return f"{case.truth['root_cause']}{held}"


def _verdict(run: Run) -> str:
    if run.broke:
        return f"broke: {run.broke.splitlines()[-1]}"
    native = " (native)" if any(leak["kind"] == "native" for leak in run.accused.values()) else ""
    return f"leak at {run.seconds['open']:.0f} s{native}" if run.accused else f"no leak: {run.worst}"


def _of_twin(run: Run) -> str:
    return f"broke: {run.broke.splitlines()[-1]}" if run.broke else _on_the_way(run)


def _on_the_way(run: Run) -> str:
    seen = sorted((run.seconds[status], status) for status in STATUSES if status in run.seconds)
    return ", ".join(f"{status} from {seconds:.0f} s" for seconds, status in seen) or "silent"


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
    return where + (f" (+{len(named) - 1})" if len(named) > 1 else "")


def _place(found: Attribution | None, run: Run) -> str:
    if found is None:
        return "no" if _named(run) else "-"
    return f"frame {found.frame}" if found.leak == 1 else f"leak {found.leak}, frame {found.frame}"


def _grown_bytes(run: Run) -> float:
    """How far the resident set rose after the first quarter of the run, when imports and the tracer's tables are in."""
    settled = [rss_bytes for seconds, rss_bytes in run.resident if seconds > run.ran_s / 4]
    return settled[-1] - settled[0] if settled else 0.0
