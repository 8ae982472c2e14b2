from __future__ import annotations

from dataclasses import replace

import pytest

from heaptide_server.trends.forecast import Memory
from heaptide_server.trends.holders import Holder, told_of
from heaptide_server.trends.verdict import Verdict

SUSPECT = Verdict(0, True, False, False, 9.0, 1e6, 9e5, 1.1e6, 1.0, 1e6, None, "requests", 2, 2, 2, 2, "Rose.")


def test_a_bounded_holder_makes_a_suspect_a_cache_that_fills() -> None:
    verdict = told_of(SUSPECT, Holder("shop._PAGES", 500, bounded=True, full_bytes=4e6), worker_bytes=1e6, workers=3)
    assert (verdict.suspect, verdict.filling, verdict.ceiling_bytes) == (False, True, 12e6)
    assert "shop._PAGES holds it, which is bounded at 500" in verdict.evidence


def test_a_cache_that_has_outgrown_its_bound_is_a_suspect_again_for_its_entries_grow() -> None:
    verdict = told_of(SUSPECT, Holder("shop._PAGES", 500, bounded=True, full_bytes=4e6), worker_bytes=7e6, workers=3)
    assert verdict.suspect
    assert verdict.evidence.endswith("it has outgrown that: its entries grow themselves.")


@pytest.mark.parametrize(("limit_bytes", "bursts"), [(100e6, True), (140e6, False)])
def test_a_bound_that_the_memory_limit_doesnt_leave_room_for_is_no_excuse(limit_bytes: float, bursts: bool) -> None:
    memory = Memory(limit_bytes, used_bytes=70e6, workers=4, share=1.0, settled_bytes=0.0, requests_per_s=1.0)
    holder = Holder("shop._PAGES", 9_000_000, bounded=True, full_bytes=12e6)
    verdict = told_of(SUSPECT, holder, worker_bytes=1e6, workers=4, memory=memory)
    assert (verdict.suspect, verdict.filling) == (bursts, not bursts)
    assert ("full it would take 11 MiB in each worker, more than the memory limit leaves" in verdict.evidence) == bursts


def test_a_bound_without_a_number_is_a_bound() -> None:
    assert told_of(SUSPECT, Holder("a queue", None, bounded=True), worker_bytes=1e6, workers=1).filling


def test_an_unbounded_holder_is_named_and_changes_no_verdict() -> None:
    verdict = told_of(SUSPECT, Holder("shop._QUOTES", None), worker_bytes=1e6, workers=1)
    assert verdict.suspect
    assert verdict.evidence.endswith("shop._QUOTES holds it and has no bound.")


@pytest.mark.parametrize("holder", [None, Holder("x", 1, bounded=True)])
def test_a_holder_accuses_nobody(holder: Holder | None) -> None:
    clear = replace(SUSPECT, suspect=False, clear=True)
    assert told_of(clear, holder, worker_bytes=1e6, workers=1) == clear
