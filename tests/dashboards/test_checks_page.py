"""The checks page as text."""

from __future__ import annotations

import html
import re

import pytest

from heaptide_dashboards import render
from heaptide_dashboards.checks import CheckedService, ChecksPage, FindingView, checks_url, checks_verdict, fix_parts

NOW = 1_800_000_000.0
FINDING = FindingView(
    "f1", "no-supervisor", "critical", "Nothing restarts it.", ("It was seen.",), "Do this:\n\n    "
    "[Service]\n    Restart=always",
    ("web-1 pid 4242",),
)  # fmt: skip


def checked(findings=(FINDING,), workers: int = 2, telling: int = 2, service: str = "shop") -> CheckedService:
    return CheckedService(service, "production", workers, telling, findings)


def words(page: str) -> str:
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", "<main" + page.partition("<main")[2]).split()))


def test_a_finding_has_its_title_what_was_seen_and_what_to_do() -> None:
    page = render.checks_html(ChecksPage(NOW, [checked()], "shop", "production"))
    told = words(page).replace("\u00a0", " ")
    assert "1 critical finding Nothing restarts it. Critical no-supervisor What was seen It was seen." in told
    assert "1 worker: web-1 pid 4242" in told
    assert '<pre class="paste"><code>[Service]\nRestart=always\n</code></pre>' in page


@pytest.mark.parametrize(
    ("fix", "parts"),
    [
        ("Do this.", [(False, ["Do this."])]),
        ("Do this:\n\n    a = 1\n\n    b = 2\n\nThen that\nand rest.", [
            (False, ["Do this:"]), (True, ["a = 1", "", "b = 2"]), (False, ["Then that and rest."]),
        ]),
        ("One.\n\nTwo.", [(False, ["One."]), (False, ["Two."])]),
        ("Do:\n\n    with a:\n        b()", [(False, ["Do:"]), (True, ["with a:", "    b()"])]),
        ("", []),
    ],
)  # fmt: skip
def test_what_is_to_be_pasted_keeps_its_lines_and_indentation(fix, parts) -> None:
    assert [(part.paste, part.lines) for part in fix_parts(fix)] == parts


@pytest.mark.parametrize(
    ("service", "says"),
    [
        (checked(()), "Nothing found"),
        (checked((), workers=0, telling=0), "No worker is reporting"),
        (checked((), telling=0), "Nothing could be checked"),
    ],
)
def test_a_service_without_findings_says_why(service, says) -> None:
    assert checks_verdict(service).text == says
    assert says in words(render.checks_html(ChecksPage(NOW, [service])))


def test_what_workers_told_runs_nothing_and_turns_no_line(hostile) -> None:
    finding = FindingView("f1", hostile, "warning", hostile, (hostile,), f"{hostile}\n\n    {hostile}", (hostile,))
    page = render.checks_html(ChecksPage(NOW, [checked((finding,), service=hostile)], hostile, hostile))
    page.encode()
    assert "<script>alert" not in page
    assert "\u202e" not in page


def test_a_service_that_nobody_knows_is_said_to_be_unknown() -> None:
    assert "No worker of nobody has reported" in words(render.checks_html(ChecksPage(NOW, [], "nobody")))
    assert "No service has reported yet" in words(render.checks_html(ChecksPage(NOW, [])))


def test_the_address_keeps_what_was_asked_for() -> None:
    assert checks_url() == "/checks"
    assert checks_url("a b/c", "x&y") == "/checks?service=a+b%2Fc&environment=x%26y"
