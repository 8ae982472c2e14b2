"""The exact tracer: which stack holds what."""

from __future__ import annotations

import json
import logging
import os
import select
import sys
import tracemalloc
from pathlib import Path

import pytest

import heaptide
from heaptide.paths import Places
from heaptide.tracer.exact import ExactTracer

LEAKY = """\
    KEPT = []


    def remember(size):
        KEPT.append(
            bytearray(size)
        )


    def serve(requests, size):
        for _ in range(requests):
            remember(size)
    """
LEAKING_LINE = 6


def held(look, module):
    return {key: stat for key, stat in look.stacks.items() if stat.frames[0][0] == module.__file__}


def at_line(look, module, line):
    return [stat for stat in held(look, module).values() if stat.frames[0][2] == line]


def test_a_leaking_function_is_found_at_its_line_with_its_bytes_and_blocks(take, write):
    shop = write("leaky_shop", LEAKY)
    shop.serve(requests=200, size=5_000)
    (leak,) = at_line(take(), shop, LEAKING_LINE)
    assert leak.bytes == pytest.approx(200 * 5_000, rel=0.03)
    assert leak.blocks == pytest.approx(2 * 200, abs=1)  # the object and its buffer
    assert [(Path(file).name, function, line) for file, function, line in leak.frames[:2]] == [
        ("leaky_shop.py", "remember", LEAKING_LINE),
        ("leaky_shop.py", "serve", 12),
    ]


def test_the_same_stack_has_the_same_key_in_every_look(take, write):
    shop = write("leaky_shop", LEAKY)
    grown = []
    for _ in range(3):
        shop.serve(requests=100, size=1_000)
        look = take()
        grown.append({key: stat.bytes for key, stat in held(look, shop).items() if stat.frames[0][2] == LEAKING_LINE})
    (key,) = grown[0]
    assert all(set(look) == {key} for look in grown)
    assert grown[2][key] - grown[1][key] == pytest.approx(100 * 1_000, rel=0.1)


def test_ages_and_totals_of_allocation_are_unknown_and_sampling_has_no_error(take, write):
    write("leaky_shop", LEAKY).serve(requests=1, size=1_000)
    look = take()
    stat = next(iter(look.stacks.values()))
    assert (stat.survivor_bytes, stat.survivor_blocks, stat.allocated_bytes) == (None, None, None)
    assert stat.variance_bytes2 == 0.0
    assert look.sample_bytes is None


def test_the_largest_stacks_come_first_and_the_rest_is_summed(take, write):
    shop = write("leaky_shop", LEAKY)
    shop.serve(requests=50, size=50_000)
    look = take(most=3)
    sizes = [stat.bytes for stat in look.stacks.values()]
    assert len(sizes) == 3
    assert sizes == sorted(sizes, reverse=True)
    assert next(iter(look.stacks.values())).frames[0][0] == shop.__file__
    assert look.other.frames == ()
    assert look.other.blocks > 0
    assert sum(sizes) + look.other.bytes == look.traced_bytes


def test_a_stack_reported_before_is_returned_whatever_its_size_until_it_holds_nothing(take, write):
    shop = write("leaky_shop", LEAKY)
    shop.serve(requests=50, size=5_000)
    (key,) = (key for key, stat in held(take(), shop).items() if stat.frames[0][2] == LEAKING_LINE)
    del shop.KEPT[1:]
    larger = bytearray(1_000_000)
    assert key not in take(most=1).stacks
    look = take(most=1, keep=frozenset({key}))
    assert look.stacks[key].bytes == pytest.approx(5_000, rel=0.05)
    assert len(look.stacks) == 2
    assert sum(stat.bytes for stat in look.stacks.values()) + look.other.bytes == look.traced_bytes > len(larger)
    shop.KEPT.clear()
    assert key not in take(most=1, keep=frozenset({key})).stacks


def test_a_second_start_goes_on_with_the_tracers_own_tracing(tracer, take):
    kept = bytearray(1_000_000)
    tracer.start()
    look = take()
    assert look.traced_bytes >= len(kept)
    assert look.notes == ()
    tracer.stop()
    assert not tracemalloc.is_tracing()


def test_the_agents_own_memory_is_not_in_a_look(take):
    own_folder = os.path.dirname(heaptide.__file__) + os.sep
    places = Places(["/app"])
    for number in range(2_000):
        places.place(f"/app/{number}.py")  # allocates in heaptide, and in the standard library for it
    stacks = take().stacks.values()
    innermost = {stat.frames[0][0] for stat in stacks}
    assert not [file for file in innermost if file.startswith(own_folder)]
    assert tracemalloc.__file__ not in innermost
    assert not [stat for stat in stacks if stat.blocks > 1_000 and stat.frames[0][0].endswith("posixpath.py")]


def test_what_the_standard_library_makes_for_the_app_is_in_a_look(take):
    kept = json.loads(json.dumps([[number] for number in range(20_000)]))
    assert any(
        stat.frames[0][0].endswith(os.path.join("json", "decoder.py")) and stat.blocks >= len(kept)
        for stat in take().stacks.values()
    )


def test_looks_tell_what_they_cost(take):
    look = take()
    assert 0 < look.hold_s < 5
    assert look.held_bytes >= look.traced_bytes / 1_000 > 0


def test_a_look_that_passed_its_budget_lets_the_next_ones_be_skipped(no_tracing, clock, cost_clock, monkeypatch):
    tracer = ExactTracer(clock=clock, cost_clock=cost_clock)
    tracer.start()
    snapshot = tracemalloc.take_snapshot

    def dear_snapshot():
        cost_clock.now_s += 2.0
        return snapshot()

    monkeypatch.setattr(tracemalloc, "take_snapshot", dear_snapshot)

    def looked():
        return tracer.take(survivor_age_s=60, most=10, keep=frozenset()) is not None

    assert looked()
    clock.now_s += 9.9  # 2 s of CPU at a share of 20 % are due again after 10 s
    assert not looked()
    clock.now_s += 0.2
    assert looked()
    tracer.stop()


def test_the_tracing_of_the_application_is_used_and_never_stopped(no_tracing):
    tracemalloc.start(3)
    tracer = ExactTracer(frames=6)
    tracer.start()
    look = tracer.take(survivor_age_s=60, most=10, keep=frozenset())
    assert look is not None
    assert tracer.frames == 3
    assert any("already tracing" in note for note in look.notes)
    tracer.set_rate(0)
    assert tracemalloc.is_tracing()
    assert tracer.take(survivor_age_s=60, most=10, keep=frozenset()) is None
    tracer.stop()
    assert tracemalloc.is_tracing()


def test_a_pause_stops_tracing_and_a_rate_resumes_it(tracer, take, write):
    shop = write("leaky_shop", LEAKY)
    shop.serve(requests=100, size=1_000)
    tracer.set_rate(0)
    assert not tracemalloc.is_tracing()
    assert tracer.take(survivor_age_s=60, most=10, keep=frozenset()) is None
    tracer.start()
    assert not tracemalloc.is_tracing(), "a start, as after a fork, doesn't end a pause"
    tracer.set_rate(4096)
    shop.serve(requests=10, size=1_000)
    look = take()
    assert at_line(look, shop, LEAKING_LINE)[0].bytes == pytest.approx(10 * 1_000, rel=0.1)
    assert any("anew" in note for note in look.notes)


def test_a_rate_does_not_begin_what_was_not_paused(tracer, take):
    tracer.set_rate(4096)
    assert take().notes == ()


def test_an_application_that_stops_tracemalloc_is_told_once_and_looks_are_skipped(tracer, caplog):
    tracemalloc.stop()
    with caplog.at_level(logging.WARNING, logger="heaptide"):
        looks = [tracer.take(survivor_age_s=60, most=10, keep=frozenset()) for _ in range(3)]
    assert looks == [None, None, None]
    assert len(caplog.records) == 1
    assert "stopped tracemalloc" in caplog.text


def test_nothing_of_the_snapshot_is_held_after_a_look(tracer, take):
    kept = [[number] for number in range(50_000)]
    before = sys.getallocatedblocks()
    look = take(most=10)
    assert look.traced_bytes > len(kept)
    assert sys.getallocatedblocks() - before < 10_000


def test_stop_ends_tracing_and_can_be_repeated(tracer, caplog):
    tracer.stop()
    tracer.stop()
    assert not tracemalloc.is_tracing()
    assert tracer.take(survivor_age_s=60, most=10, keep=frozenset()) is None
    assert not caplog.records


def test_a_forked_child_keeps_what_was_traced_and_traces_on(tracer, write):
    shop = write("leaky_shop", LEAKY)
    shop.serve(requests=100, size=1_000)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        tracer.start()
        shop.serve(requests=100, size=1_000)
        look = tracer.take(survivor_age_s=60, most=100_000, keep=frozenset())
        os.write(writer, str(sum(stat.bytes for stat in at_line(look, shop, LEAKING_LINE))).encode())
        os._exit(0)
    assert select.select([reader], [], [], 30)[0]
    found = int(os.read(reader, 100))
    os.waitpid(pid, 0)
    os.close(reader)
    os.close(writer)
    assert found == pytest.approx(200 * 1_000, rel=0.1)
