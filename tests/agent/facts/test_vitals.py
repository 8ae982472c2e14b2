"""The process as a whole, from recorded trees and from this very process."""

from __future__ import annotations

import ctypes
import gc
import os
import threading
import time

import psutil
import pytest

from heaptide.vitals import Vitals, process_started_at, pymalloc
from heaptide.vitals.glibc import Malloc
from heaptide.vitals.proc import Process
from heaptide.vitals.pymalloc import Pymalloc
from heaptide.wire import VITALS


def vitals_of(tree):
    return Vitals(proc=str(tree / "proc"), cgroup=str(tree / "cgroup"), pid=4711).take()


def test_a_recorded_process_is_read_in_bytes_and_seconds(trees, monkeypatch):
    monkeypatch.setattr(os, "sysconf", {"SC_CLK_TCK": 100}.__getitem__)
    vitals = vitals_of(trees / "process")
    expected = {
        "rss_bytes": 164_000 * 1024,
        "peak_rss_bytes": 180_000 * 1024,
        "pss_bytes": 121_500 * 1024,
        "limit_bytes": None,
        "threads": 9,
        "open_files": 5,
        "cpu_s": 20.0,
    }
    assert {name: vitals[name] for name in expected} == expected


def test_the_start_is_the_boot_time_and_the_ticks_since(trees, monkeypatch):
    monkeypatch.setattr(os, "sysconf", {"SC_CLK_TCK": 100}.__getitem__)
    proc = str(trees / "process" / "proc")
    started_at = process_started_at(proc, 4711, clock=lambda: 1_763_900_000.5, boot_clock=lambda: 10_000.25)
    assert started_at == 1_763_900_000.5 - (10_000.25 - 3_600)


def test_a_start_that_can_not_be_read_is_an_error_with_the_file_in_it(trees, tmp_path):
    with pytest.raises(OSError, match="4711"):
        process_started_at(str(tmp_path), 4711)
    with pytest.raises(ValueError, match="4711/stat has 2 fields"):
        process_started_at(str(trees / "damaged" / "proc"), 4711)


@pytest.mark.parametrize("tree", ["process", "v1", "v2", "damaged", "there_is_no_such_tree"])
def test_the_keys_are_the_wire_formats_whatever_is_missing(trees, tree):
    assert tuple(vitals_of(trees / tree)) == VITALS


@pytest.mark.parametrize("tree", ["damaged", "there_is_no_such_tree"])
def test_what_can_not_be_read_is_unknown(trees, tree):
    vitals = vitals_of(trees / tree)
    unknown = ("rss_bytes", "peak_rss_bytes", "pss_bytes", "limit_bytes", "threads", "open_files", "cpu_s")
    assert [vitals[name] for name in unknown] == [None] * len(unknown)


def test_this_process_is_as_psutil_sees_it():
    process = psutil.Process()
    with open(os.devnull, encoding="utf-8"):
        vitals = Vitals().take()
        assert vitals["open_files"] == process.num_fds() - 1  # psutil counts the one that it lists them with
    memory = process.memory_full_info()
    assert vitals["rss_bytes"] == pytest.approx(memory.rss, rel=0.1)
    assert vitals["pss_bytes"] == pytest.approx(memory.pss, rel=0.1)
    assert vitals["peak_rss_bytes"] >= vitals["rss_bytes"] * 0.99
    assert vitals["threads"] == process.num_threads()
    times = process.cpu_times()
    assert vitals["cpu_s"] == pytest.approx(times.user + times.system, abs=0.5)
    assert process_started_at() == pytest.approx(process.create_time(), abs=1.1)


def test_a_thread_and_an_open_file_are_seen():
    vitals = Vitals()
    before = vitals.take()
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    with open(os.devnull, encoding="utf-8"):
        after = vitals.take()
    done.set()
    thread.join()
    assert after["threads"] == before["threads"] + 1
    assert after["open_files"] == before["open_files"] + 1


def test_the_collectors_counts_are_the_interpreters():
    vitals = Vitals()
    gc.disable()
    try:
        before = vitals.take()
        kept = [[] for _ in range(5_000)]
        pending = vitals.take()
        gc.collect()
        after = vitals.take()
    finally:
        gc.enable()
    assert pending["gc_pending"] - before["gc_pending"] == pytest.approx(len(kept), abs=50)
    assert after["gc_collections"] == before["gc_collections"] + 1
    assert after["gc_uncollectable"] == sum(generation["uncollectable"] for generation in gc.get_stats())


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="needs glibc 2.33 or later")
def test_what_malloc_gave_out_is_in_use_and_then_free_or_given_back():
    malloc = Malloc()
    before = malloc.take()
    kept = [bytes(100_000) for _ in range(500)]  # below the size that is mapped on its own
    held = malloc.take()
    grown = held["malloc_used_bytes"] - before["malloc_used_bytes"]
    assert grown == pytest.approx(500 * 100_000, rel=0.05)
    del kept
    after = malloc.take()
    assert after["malloc_used_bytes"] - before["malloc_used_bytes"] < 5_000_000
    assert after["malloc_free_bytes"] >= 0


def test_without_glibc_its_facts_are_unknown(monkeypatch):
    class Musl:
        pass

    monkeypatch.setattr(ctypes, "CDLL", lambda _name: Musl())
    vitals = Vitals().take()
    assert (vitals["malloc_used_bytes"], vitals["malloc_free_bytes"]) == (None, None)


def test_with_another_allocator_preloaded_glibcs_answer_is_not_believed(monkeypatch):
    class Preloaded:
        mallctl = mallinfo2 = staticmethod(time.time)

    monkeypatch.setattr(ctypes, "CDLL", lambda _name: Preloaded())
    assert Malloc().take() == {}


def test_where_glibcs_heap_is_all_but_empty_another_allocator_serves_the_process(monkeypatch):
    class Info:
        uordblks, hblkhd, fordblks = 9_000, 0, 120_000

    class Replaced:
        mallinfo2 = type("Function", (), {"__call__": lambda _self: Info})()

    monkeypatch.setattr(ctypes, "CDLL", lambda _name: Replaced())
    assert Malloc().take() == {}
    Info.hblkhd = 1_000_000
    assert Malloc().take()["malloc_free_bytes"] == 120_000


@pytest.mark.skipif(pymalloc._walker is None, reason="the heap walker isn't built here")
def test_what_pymalloc_gave_out_is_in_use_and_then_free():
    reading = Pymalloc()
    before = reading.take(1e6)
    kept = [(float(number),) for number in range(200_000)]  # 24 and 48 bytes, whatever the version
    held = reading.take(1e6)
    grown = held["pymalloc_used_bytes"] - before["pymalloc_used_bytes"]
    assert grown == pytest.approx(200_000 * (32 + 48), rel=0.25)
    del kept[::2]  # pools that are half empty stay
    after = reading.take(1e6)
    assert after["pymalloc_used_bytes"] == pytest.approx(before["pymalloc_used_bytes"] + grown / 2, rel=0.05)
    assert after["pymalloc_free_bytes"] - held["pymalloc_free_bytes"] == pytest.approx(grown / 2, rel=0.3)


class Arenas:
    """200 arenas, of which each holds 3 bytes and has 5 free."""

    PYMALLOC_IN_STEPS = True

    def __init__(self) -> None:
        self.longest = 0

    def pymalloc(self, at: int, most: int) -> tuple[int, int, int]:
        count = min(most, 200 - at)
        self.longest = max(self.longest, count)
        return (at + count) % 200, 3 * count, 5 * count


def test_many_arenas_are_read_a_few_at_a_time(monkeypatch):
    arenas = Arenas()
    monkeypatch.setattr(pymalloc, "_walker", arenas)
    assert Pymalloc().take(1e12) == {"pymalloc_used_bytes": 600, "pymalloc_free_bytes": 1000}
    assert arenas.longest < 100


def test_where_all_arenas_are_read_at_once_a_large_process_is_left_alone(monkeypatch):
    arenas = Arenas()
    arenas.PYMALLOC_IN_STEPS = False
    monkeypatch.setattr(pymalloc, "_walker", arenas)
    assert Pymalloc().take(5e9) == Pymalloc().take(None) == {}
    assert Pymalloc().take(5e8)["pymalloc_free_bytes"] == 1000


def test_without_the_heap_walker_pymallocs_facts_are_unknown(monkeypatch):
    monkeypatch.setattr(pymalloc, "_walker", None)
    vitals = Vitals().take()
    assert vitals["pymalloc_used_bytes"] is vitals["pymalloc_free_bytes"] is None


def test_garbage_is_what_the_last_walk_said():
    assert Vitals(garbage=lambda: {"garbage_bytes": 7.0}).take()["garbage_bytes"] == 7.0
    assert Vitals().take()["garbage_bytes"] is None


def test_a_dear_proportional_set_is_left_out_until_it_is_due_again(trees, clock):
    costs = iter([0.0, 0.020, 1.0, 1.001, 2.0, 2.001])
    process = Process(str(trees / "process" / "proc"), 4711, clock=clock, cost_clock=lambda: next(costs))
    assert process.take()["pss_bytes"] == 121_500 * 1024
    clock.now_s += 19
    assert "pss_bytes" not in process.take()
    clock.now_s += 2
    assert "pss_bytes" in process.take()
    assert "pss_bytes" in process.take(), "it was cheap the last time"
