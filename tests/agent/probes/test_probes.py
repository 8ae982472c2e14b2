"""What all probes together put into a report."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from heaptide.gate import Gate
from heaptide.probes import MOST_BYTES, Probes, all_probes
from heaptide.probes.track import MOST_POINTS, Track


class Told:
    """A probe that tells what the test says."""

    def __init__(self, name: str = "told") -> None:
        self.name = name
        self.now: object = {"level": 1}
        self.stopped = False

    def facts(self):
        if isinstance(self.now, Exception):
            raise self.now
        return self.now

    def stop(self) -> None:
        self.stopped = True


def probes(*told: Told) -> Probes:
    return Probes([lambda _, one=one: one for one in told], Gate())


def test_facts_are_told_when_they_changed_and_all_of_them_anew() -> None:
    told, other = Told(), Told("other")
    both = probes(told, other)
    assert both.take({}, 0, anew=True) == {"told": '{"level":1}', "other": '{"level":1}'}
    assert both.take({}, 0, anew=False) == {}
    other.now = {"level": 2}
    assert both.take({}, 0, anew=False) == {"other": '{"level":2}'}
    assert both.take({}, 0, anew=True).keys() == {"told", "other"}


@pytest.mark.parametrize("now", [OSError("gone"), {"text": "x" * MOST_BYTES}, {"level": float("nan")}])
def test_a_probe_that_fails_or_tells_too_much_leaves_the_others_alone(swallowed, now) -> None:
    bad, good = Told("bad"), Told("good")
    bad.now = now
    assert probes(bad, good).take({}, 0, anew=True) == {"good": '{"level":1}'}
    assert len(swallowed) == 1
    swallowed.clear()


def test_a_probe_that_cant_be_made_is_left_out(swallowed) -> None:
    def fails(_):
        raise OSError("no such file")

    assert Probes([fails, lambda _: Told()], Gate()).take({}, 0, anew=True) == {"told": '{"level":1}'}
    assert [str(error) for error in swallowed] == ["no such file"]
    swallowed.clear()


def test_a_probe_with_a_stop_is_stopped() -> None:
    told = Told()
    probes(told).stop()
    assert told.stopped


def test_every_probe_tells_facts_of_a_real_process_within_its_bound() -> None:
    taken = Probes(all_probes(Gate(), lambda file: (file, True), ask_database=False), Gate()).take(
        {"dict": 1}, 10, anew=True
    )
    assert {"supervisor", "cpu", "gc", "clients", "constructions", "files", "labels", "caches"} <= taken.keys()
    assert all(len(text) <= MOST_BYTES for text in taken.values())
    assert json.loads(taken["files"])["last"] > 0


def test_the_probes_import_no_library_of_the_application(tmp_path: Path) -> None:
    script = (
        "import sys; before = set(sys.modules)\n"
        "from heaptide.gate import Gate; from heaptide.probes import Probes, all_probes\n"
        "Probes(all_probes(Gate(), lambda file: (file, True), ask_database=False), Gate()).take({}, 0, anew=True)\n"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before} - sys.stdlib_module_names)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert set(done.stdout.split()) <= {"heaptide", "objgraph"}


def test_a_track_tells_the_value_at_half_of_the_requests_however_long_it_is() -> None:
    track = Track()
    for requests in range(0, 10_000, 10):
        track.add(requests, requests // 2)
    facts = track.facts()
    assert (facts["first"], facts["last"], facts["peak"], facts["requests"]) == (0, 4995, 4995, 9990)
    assert facts["half"] == pytest.approx(2500, rel=0.1)
    assert facts["looks"] <= MOST_POINTS


def test_a_track_of_a_cache_that_filled_early_is_as_high_half_way_as_at_the_end() -> None:
    track = Track()
    for requests in range(0, 1000, 10):
        track.add(requests, min(requests, 100))
    assert (track.facts()["half"], track.facts()["last"]) == (100, 100)


def test_a_track_sums_all_rises_of_what_goes_up_and_down() -> None:
    track = Track()
    for look, value in enumerate([5, 8, 2, 10]):
        track.add(look, value)
    assert track.facts()["made"] == 3 + 8
