"""When people are told of a critical finding, and when that it is over."""

from __future__ import annotations

import pytest

from heaptide_server.checks.checkup import Checked
from heaptide_server.checks.finding import Finding
from heaptide_server.checks.standing import CLEAR_LOOKS, advance


def look(*severities: str, telling: int = 2) -> Checked:
    findings = tuple(Finding(f"{one}-kind", one, "It fails.", ("Seen.",), "Fix it.", ("w",)) for one in severities)
    return Checked("shop", "production", 2, telling, findings)


def walk(looks: list[Checked], repeat_s: float = 0.0) -> list[str]:
    """What is told at each look, a second after the other: "" nothing, "+" firing, "-" resolved."""
    known, told = {}, []
    for number, checked in enumerate(looks):
        step = advance(known, checked, float(number), repeat_s)
        known = {key: one for key, one in known.items() if key not in step.gone} | {
            one.id: one for one in step.standing
        }
        told.append("+" * len(step.firing) + "-" * len(step.resolved))
    return told


FOUND, CLEAR, SILENT = look("critical"), look(), look(telling=0)


@pytest.mark.parametrize(
    ("looks", "told"),
    [
        ([FOUND, FOUND, FOUND], ["", "+", ""]),
        ([FOUND, CLEAR, FOUND, CLEAR], ["", "", "", ""]),  # it comes and goes
        ([FOUND, FOUND, *[CLEAR] * CLEAR_LOOKS], ["", "+", *[""] * (CLEAR_LOOKS - 1), "-"]),
        ([FOUND, FOUND, CLEAR, CLEAR, FOUND, CLEAR, CLEAR], ["", "+", "", "", "", "", ""]),
        ([FOUND, FOUND, *[SILENT] * 9], ["", "+", *[""] * 9]),  # nobody tells, so nobody knows
        ([look("warning", "info")] * 3, ["", "", ""]),
    ],
)
def test_two_looks_tell_it_and_five_without_it_end_it(looks, told) -> None:
    assert walk(looks) == told


def test_it_comes_back_after_it_was_over() -> None:
    assert walk([FOUND, FOUND, *[CLEAR] * CLEAR_LOOKS, FOUND, FOUND])[-1] == "+"


@pytest.mark.parametrize(
    ("looks", "told"),
    [
        ([FOUND] * 8, ["", "+", "", "", "+", "", "", "+"]),
        ([FOUND, FOUND, CLEAR, CLEAR, CLEAR, FOUND], ["", "+", "", "", "", "+"]),  # once it is seen again
        ([FOUND, FOUND, *[SILENT] * 4, FOUND], ["", "+", *[""] * 4, "+"]),
        ([FOUND, FOUND, *[CLEAR] * 9], ["", "+", "", "", "", "", "-", "", "", "", ""]),  # what is over isn't
    ],
)
def test_what_lasts_is_told_again_after_a_time_as_long_as_it_is_seen(looks, told) -> None:
    assert walk(looks, repeat_s=3.0) == told
