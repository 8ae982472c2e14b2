"""Leaks that happened, in packages that people run: found at their place, and their fixed versions left alone."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from tests.corpus import cases
from tests.corpus.environments import python_for
from tests.corpus.judging import in_sites
from tests.corpus.running import Run, watch

NAMES = ("msgpack-invalid-nested", "prometheus-labels")  # one lost in C, one that a library holds
MOST_S = 150.0  # where the machine is busy; a minute else

Runs = dict[str, "Future[tuple[Run, Run]]"]


@pytest.fixture(scope="module")
def runs():
    """Both cases side by side: each is hardly any work, but takes its time."""
    where = cases.folder()
    found = {case.name: case for case in cases.cases(where, NAMES)}
    if len(found) < len(NAMES):
        pytest.skip(f"the real leaks aren't at {where}: {cases.VARIABLE} says where they are")
    for case in found.values():  # one after the other: they share the agent's wheel
        python_for(case.leaky.pins)
        python_for(case.fixed.pins)
    with ThreadPoolExecutor(len(found)) as pool:
        yield {name: pool.submit(watch, case.leaky, case.fixed, MOST_S) for name, case in found.items()}


@pytest.mark.slow
@pytest.mark.timeout(300)  # the first time there are two environments to make
@pytest.mark.parametrize("name", NAMES)
def test_a_leak_that_happened_is_found_at_its_place_and_its_fixed_version_is_left_alone(runs: Runs, name: str) -> None:
    leaky, fixed = runs[name].result()
    truth = cases.cases(cases.folder(), [name])[0].truth

    assert not leaky.broke
    assert leaky.worst == "open", leaky.seconds
    assert in_sites(list(leaky.accused.values()), truth), [leak["site"] for leak in leaky.accused.values()]
    assert not fixed.broke
    assert fixed.worst == "none", [leak["site"] for leak in fixed.leaks]
