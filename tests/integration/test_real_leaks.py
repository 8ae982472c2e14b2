"""Leaks that happened, in packages that people run: found at their place, and their fixed versions left alone."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from tests.corpus import cases, table
from tests.corpus.environments import UninstallableError, python_for
from tests.corpus.running import Run, watch

NAMES = ("msgpack-invalid-nested", "prometheus-labels")  # one lost in C, one that a library holds
MOST_S = 150.0  # where the machine is busy; a minute else

Runs = dict[str, "Future[tuple[Run, Run]]"]


@pytest.fixture(scope="module")
def runs():
    """Both cases side by side: each is hardly any work, but takes its time."""
    found = cases.cases(cases.KNOWN, NAMES)
    try:
        for program in (program for case in found for program in (case.leaky, case.fixed)):
            python_for(program.pins)
    except UninstallableError as error:
        pytest.skip(f"the packages of {program.name} can't be installed here: {error}")
    with ThreadPoolExecutor(len(found)) as pool:
        yield {case.name: pool.submit(watch, case.leaky, case.fixed, MOST_S) for case in found}


@pytest.mark.slow
@pytest.mark.timeout(300)  # the first time there are environments to make
@pytest.mark.parametrize("name", NAMES)
def test_a_leak_that_happened_is_found_at_its_place_and_its_fixed_version_is_left_alone(runs: Runs, name: str) -> None:
    (case,) = cases.cases(cases.KNOWN, [name])
    leaky, fixed = runs[name].result()

    assert not leaky.broke
    assert table.right(case, leaky, fixed), (table.row(case, leaky, fixed), leaky.seconds, leaky.leaks, fixed.leaks)
