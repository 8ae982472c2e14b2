"""Choosing a tracer by name."""

from __future__ import annotations

import logging
import sys
import tracemalloc

import pytest

from heaptide.tracer import choose, started
from heaptide.tracer.off import OffTracer


@pytest.mark.parametrize("name", ["auto", "sampling"])
def test_without_a_sampling_tracer_nothing_is_traced_and_one_line_says_how_to(name, caplog, no_tracing, monkeypatch):
    monkeypatch.setitem(sys.modules, "heaptide.tracer.sampling", None)
    with caplog.at_level(logging.INFO, logger="heaptide"):
        tracer = choose(name, frames=None, sample_bytes=None)
        tracer.start()
    assert tracer.name == "off"
    assert not tracemalloc.is_tracing()
    (record,) = caplog.records
    assert "HEAPTIDE_TRACER=exact" in record.getMessage()
    assert "multiplies CPU" in record.getMessage()


def test_off_takes_nothing_without_a_word(caplog):
    tracer = choose("off", frames=3, sample_bytes=1024)
    tracer.start()
    tracer.set_rate(1024)
    assert tracer.take(survivor_age_s=60, most=10, keep=frozenset()) is None
    tracer.stop()
    assert (tracer.name, tracer.frames) == ("off", 0)
    assert not caplog.records


@pytest.mark.parametrize(("frames", "kept"), [(None, 6), (2, 2)])
def test_exact_keeps_six_frames_unless_told(frames, kept, no_tracing):
    tracer = choose("exact", frames=frames, sample_bytes=None)
    assert (tracer.name, tracer.frames) == ("exact", kept)
    assert not tracemalloc.is_tracing(), "choosing doesn't start"
    tracer.start()
    assert tracemalloc.get_traceback_limit() == kept
    tracer.stop()


def test_an_unknown_name_is_refused_with_the_names_there_are():
    with pytest.raises(ValueError, match="'fast' is unknown: HEAPTIDE_TRACER is one of auto, sampling, exact, off"):
        choose("fast", frames=None, sample_bytes=None)


class Refusing(OffTracer):
    name = "sampling"

    def start(self) -> None:
        raise RuntimeError("memray hooked the allocators already")


def test_a_tracer_that_refuses_to_start_gives_off_and_one_line_says_why(caplog):
    tracer = started(Refusing())
    assert tracer.name == "off"
    (record,) = caplog.records
    assert "sampling" in record.getMessage()
    assert "memray hooked the allocators already" in record.getMessage()


def test_the_tracer_that_runs_is_named_once(caplog, no_tracing):
    with caplog.at_level(logging.INFO, logger="heaptide"):
        tracer = started(choose("exact", frames=2, sample_bytes=None))
    tracer.stop()
    assert [record.getMessage() for record in caplog.records] == ["Heaptide traces allocation sites: exact, 2 frames"]
