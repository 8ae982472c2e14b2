"""The table says what happened: what counts as right, and what doesn't."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, cast

import pytest
from tests.corpus import cases, table
from tests.corpus.cases import Program
from tests.corpus.running import Run
from tests.corpus.serving import Started

(CASE,) = cases.cases(cases.KNOWN, ["prometheus-labels"])
NATIVE = dataclasses.replace(CASE, truth={**CASE.truth, "kind": "native-only"})
PLACE = {"file": "prometheus_client/values.py", "function": "__init__", "line": 16, "in_app": False}
ELSEWHERE = {"file": "app.py", "function": "user", "line": 24, "in_app": True}


def leak(status: str, frame: dict[str, Any] = PLACE, kind: str = "site") -> dict[str, Any]:
    site = None if kind == "native" else {**frame, "frames": [frame]}
    return {"id": status, "status": status, "kind": kind, "site": site, "growth": {"bytes_per_hour": 1.0}}


def run(*leaks: dict[str, Any], seen: tuple[str, ...] = (), broke: str = "") -> Run:
    """A run at whose end these leaks are told of, and in which these statuses were seen as well."""
    program = Program("a-program", Path("app.py"), None, "calm", 100.0)
    seconds = dict.fromkeys((*seen, *(leak["status"] for leak in leaks)), 30.0)
    accused = {leak["id"]: leak for leak in leaks if leak["status"] == "open"}
    lasted = dict.fromkeys(seconds, 12.0)
    nothing = cast(Started, None)
    return Run(program, 0.0, nothing, seconds, lasted, list(leaks), accused, ran_s=60.0, broke=broke)


SILENT = run()


def test_a_leak_is_right_that_is_open_with_the_true_site_among_its_frames_beside_a_silent_twin():
    assert table.right(CASE, run(leak("open")), SILENT)
    assert table.row(CASE, run(leak("open")), SILENT)[2:] == [
        "leak at 30 s",
        "`prometheus_client/values.py:16` __init__",
        "frame 1",
        "silent",
        "yes",
    ]


@pytest.mark.parametrize(
    ("leaky", "fixed"),
    [
        pytest.param(run(leak("suspect")), SILENT, id="only suspected"),
        pytest.param(run(leak("open", ELSEWHERE)), SILENT, id="elsewhere"),
        pytest.param(run(leak("open", kind="native")), SILENT, id="of the wrong kind"),
        pytest.param(SILENT, SILENT, id="nothing found"),
        pytest.param(run(leak("open")), run(seen=("suspect",)), id="the twin was suspected for a while"),
        pytest.param(run(leak("open")), run(leak("filling")), id="the twin is said to fill"),
        pytest.param(run(leak("open")), run(broke="Killed"), id="the twin broke"),
    ],
)
def test_anything_less_is_wrong(leaky: Run, fixed: Run) -> None:
    assert not table.right(CASE, leaky, fixed)
    assert table.row(CASE, leaky, fixed)[-1] == "**no**"


def test_of_a_twin_with_a_cache_filling_may_be_said_and_no_more():
    warming = dataclasses.replace(CASE, truth={**CASE.truth, "fixed_fills": True})
    assert table.right(warming, run(leak("open")), run(leak("filling")))
    assert not table.right(warming, run(leak("open")), run(leak("filling"), seen=("suspect",)))


def test_outside_pythons_heap_native_is_the_one_right_verdict():
    assert table.right(NATIVE, run(leak("open", kind="native")), SILENT)
    assert not table.right(NATIVE, run(leak("open")), SILENT)


@pytest.mark.parametrize(
    ("calm", "said"),
    [
        (SILENT, "yes"),
        (run(leak("filling")), "yes"),
        (run(leak("filling"), seen=("suspect",)), "yes, after 12 s of suspicion"),
        (run(leak("suspect")), "**no**"),
        (run(leak("filling"), seen=("open",)), "**no**"),
        (run(broke="Killed"), "**no**"),
    ],
)
def test_what_does_not_leak_ends_silent_or_filling_and_was_never_called_a_leak(calm: Run, said: str) -> None:
    assert table.calm_row(calm)[-1] == said
    assert table.harmless(calm) == said.startswith("yes")


def test_every_case_kept_here_says_what_is_true_of_it():
    for case in cases.cases(cases.KNOWN):
        assert case.leaky.app.exists()
        lines = case.leaky.app.read_text().splitlines()
        own = [site for site in case.truth["sites"] if site["file"] == "app.py"]
        for site in own:
            assert any(f"def {site['function']}(" in line for line in lines[: site["line"]])
            assert lines[site["line"] - 1].strip()
        assert case.native or case.truth["sites"]
