"""The checks page: its plain data, and what it says in words."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from heaptide_dashboards.format import plural
from heaptide_dashboards.sentences import State, Verdict

_INDENT = "    "


@dataclass(frozen=True)
class FindingView:
    """What fails, as `heaptide_server.checks.finding` tells it."""

    id: str
    kind: str
    severity: str
    title: str
    evidence: Sequence[str]
    fix: str
    workers: Sequence[str]
    subject: str = ""


@dataclass(frozen=True)
class CheckedService:
    """A service in an environment; `telling` of its living workers have told the facts that checks need."""

    service: str
    environment: str
    workers: int
    telling: int
    findings: Sequence[FindingView]


@dataclass(frozen=True)
class ChecksPage:
    """The services that were checked; `service` where only one was asked for."""

    now: float
    services: Sequence[CheckedService]
    service: str | None = None
    environment: str | None = None


@dataclass(frozen=True)
class FixPart:
    """A piece of what to do: a sentence (one line), or lines to paste."""

    paste: bool
    lines: list[str]


SEVERITIES = {
    "critical": State("Critical", "It fails now, or will without notice", "missing", "bad"),
    "warning": State("Warning", "It costs, or fails under load", "suspect", "warn"),
    "info": State("Note", "Worth knowing", "ended", "calm"),
}


def checks_url(service: str | None = None, environment: str | None = None) -> str:
    """The address of the page, of one service's part of it."""
    query = {name: value for name, value in (("service", service), ("environment", environment)) if value is not None}
    return "/checks" + (f"?{urlencode(query, errors='replace')}" if query else "")


def checks_verdict(checked: CheckedService) -> Verdict:
    """What was found in a service in one sentence."""
    counts = {name: sum(found.severity == name for found in checked.findings) for name in SEVERITIES}
    worst = next((name for name, count in counts.items() if count), None)
    if worst:
        words = {"critical": "critical finding", "warning": "warning", "info": "note"}
        told = [plural(count, words[name]) for name, count in counts.items() if count]
        return Verdict(told[0], ", ".join(told[1:]), SEVERITIES[worst])
    if not checked.workers:
        return Verdict("No worker is reporting", "", State("Silent", "No worker is reporting", "muted", "calm"))
    if not checked.telling:
        text = "Its agents are too old to tell facts"
        return Verdict("Nothing could be checked", text, State("Unknown", text, "muted", "calm"))
    return Verdict("Nothing found", "", State("Healthy", "All checks passed", "resolved", "good"))


def fix_parts(fix: str) -> list[FixPart]:
    """Sentences, and what is to be pasted, which stands four blanks in."""
    parts: list[FixPart] = []
    for block in re.split(r"\n\n(?=\S)|(?<=\S)\n\n(?= {4})", fix):
        pasted = block.startswith(_INDENT)
        lines = textwrap.dedent(block).strip("\n").splitlines() if pasted else [" ".join(block.split())]
        if pasted and parts and parts[-1].paste:
            parts[-1] = FixPart(True, [*parts[-1].lines, "", *lines])
        elif any(lines):
            parts.append(FixPart(pasted, lines))
    return parts
