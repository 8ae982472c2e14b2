"""The answer to the collector's request."""

from __future__ import annotations

import struct

import pytest

from heaptide.excerpts import MOST_BYTES, Excerpts
from heaptide.heap.answer import Found, Link, Root
from heaptide.heap.diagnosis import NO_OBJECT, Diagnosis
from heaptide.heap.retention import Refused, Retention

ROW = struct.Struct("=QQdQQd")
HELD = Found(16, "h", False, "dict", Root(1, "shop", "", 0), 0, (
    Link("r", "", -1, "dict", "", 9, -1), Link("k", "CACHE", -1, "dict", "", 3, -1),
))  # fmt: skip


def row(address: int, *, ordinal: int, key: int = 7, size: int = 1 << 20, age_s: float = 10.0) -> bytes:
    return ROW.pack(address, size, 1024.0, ordinal, key, age_s)


class Walks:
    """Stands for `find`: remembers what it was asked, and says what it was told."""

    def __init__(self, result: Retention | Refused) -> None:
        self.asked: list[list[tuple[int, int]]] = []
        self.others: list[list[tuple[int, int]]] = []
        self.result = result

    def __call__(self, targets, *, others, stopping):
        self.asked.append(list(targets))
        self.others.append(list(others))
        return self.result


def retention(*found: Found) -> Retention:
    return Retention([], {one.address: one for one in found}, 1000, 0.002, 0.1)


def diagnosis(walks: Walks, *rows: bytes, now: list[float] | None = None) -> Diagnosis:
    return Diagnosis(lambda: b"".join(rows), walks, lambda: (now or [0.0])[0])


def answer(asked: Diagnosis, *, sites: object = (0,), by_hand: bool = False, number: str | None = None, **more: object):
    sites = list(sites) if isinstance(sites, tuple) else sites
    request = {"id": number, "sites": sites, "by_hand": by_hand, **more}
    return asked.answer(request, {0: 7, 1: 8}.get, lambda: False)


def test_a_site_is_told_with_types_ages_and_what_holds_it():
    walks = Walks(retention(HELD, Found(32, "g", False, "shop.Node"), Found(48, "-", False, "")))
    rows = [
        row(48, ordinal=3, age_s=40_000),
        row(16, ordinal=1, age_s=400, size=2 << 20),
        row(32, ordinal=2),
        row(64, ordinal=4, key=99),
    ]
    told = answer(diagnosis(walks, *rows))
    assert told["status"] == "done"
    (site,) = told["sites"]
    assert walks.asked == [[(16, 2 << 20), (32, 1 << 20), (48, 1 << 20)]]
    assert walks.others == [[(64, 1 << 20)]]  # of another site: only its fate is asked
    assert site["samples"] == 3
    assert site["types"] == [
        {"name": "dict", "share": 0.5},
        {"name": "shop.Node", "share": 0.25},
        {"name": NO_OBJECT, "share": 0.25},
    ]
    assert site["ages"] == {
        "under_1_min": 1 << 20, "under_5_min": 0, "under_30_min": 2 << 20, "under_2_h": 0, "older": 1 << 20
    }  # fmt: skip
    assert site["retention"] == [
        {"count": 1, "hops": [{"name": "shop.CACHE", "type": "dict", "length": 3, "bound": None}]}
    ]
    assert site["garbage_share"] == 0.25
    assert told["cost"] == {"fork_s": 0.002, "walk_s": 0.1, "objects": 1000}


def test_a_block_that_took_a_freed_ones_address_is_not_mistaken_for_it():
    rows = iter([row(16, ordinal=1), row(16, ordinal=2)])
    told = Diagnosis(lambda: next(rows), Walks(retention(HELD)), lambda: 0.0)
    (site,) = answer(told)["sites"]
    assert site["retention"] == []
    assert site["types"] == []


def test_an_hour_lies_between_two_diagnoses_unless_a_person_asks():
    now = [1000.0]
    asked = diagnosis(Walks(retention(HELD)), row(16, ordinal=1), now=now)
    assert answer(asked)["status"] == "done"
    now[0] += 3500
    refused = answer(asked)
    assert refused["status"] == "refused"
    assert "by hand" in refused["reason"]
    assert answer(asked, by_hand=True)["status"] == "done"
    now[0] += 3601
    assert answer(asked)["status"] == "done"


def test_a_request_that_comes_again_has_the_same_answer_and_costs_no_second_walk():
    walks = Walks(retention(HELD))
    now = [0.0]
    asked = diagnosis(walks, row(16, ordinal=1), now=now)
    first = answer(asked, by_hand=True, number="7")
    assert [answer(asked, by_hand=True, number="7") for _ in range(2)] == [first, first]
    assert len(walks.asked) == 1
    answer(asked, by_hand=True, number="8")
    answer(asked, by_hand=True, number="7", sites=(1,))  # another collector's request that has the same id
    assert len(walks.asked) == 3
    now[0] += 3601
    answer(asked, by_hand=True, number="7")
    assert len(walks.asked) == 4


def test_an_answer_that_is_never_taken_is_given_up():
    walks = Walks(retention(HELD))
    asked = diagnosis(walks, row(16, ordinal=1))
    told = [answer(asked, number="7")["status"] for _ in range(5)]
    assert told == ["done", "done", "done", "refused", "refused"]
    assert len(walks.asked) == 1


def test_a_refused_walk_still_tells_the_ages_and_why():
    asked = diagnosis(Walks(Refused("too large")), row(16, ordinal=1))
    told = answer(asked)
    assert (told["status"], told["reason"]) == ("refused", "too large")
    assert told["sites"][0]["ages"]["under_1_min"] == 1 << 20
    assert told["sites"][0]["retention"] is None
    assert answer(asked)["reason"] == "too large"  # a refusal doesn't use up the hour


@pytest.mark.parametrize("sites", [None, [], "0", [0] * 9, [True], [0.5]])
def test_a_request_without_proper_sites_is_refused(sites):
    told = answer(diagnosis(Walks(retention())), sites=sites)
    assert told["status"] == "refused"
    assert "site numbers" in told["reason"]


def test_a_site_that_the_worker_does_not_know_has_no_samples():
    told = answer(diagnosis(Walks(retention()), row(16, ordinal=1)), sites=(5,))
    assert told["sites"][0]["samples"] == 0
    assert told["sites"][0]["types"] == []


def test_without_the_sampler_the_reason_says_so():
    def absent() -> bytes:
        raise ImportError

    told = answer(Diagnosis(absent, Walks(retention()), lambda: 0.0))
    assert "sampling tracer" in told["reason"]


SAMPLED = """
import json, os, sys, threading
from heaptide.tracemalloc_ng import _sampler
from heaptide.heap.diagnosis import Diagnosis

class Quote:
    def __init__(self, number):
        self.lines = [number]
        self.name = f"quote {number}" * 8

QUOTES = {}

def remember(number):
    QUOTES[number] = Quote(number)

_sampler.start(16, 256, 1e9, 1 << 26)
for number in range(20_000):
    remember(number)
import struct
keys = sorted({row[4] for row in struct.iter_unpack("=QQdQQd", _sampler.samples())})
keys = [key for key in keys if (_sampler.frames(key) or (("", "", 0),))[0][1] == "__init__"]
told = []
request = {"sites": list(range(len(keys)))}
thread = threading.Thread(target=lambda: told.append(Diagnosis().answer(request, lambda n: keys[n], lambda: False)))
thread.start()
thread.join()
print(json.dumps(told[0]))
"""


def test_samples_of_a_real_service_tell_their_types_and_holder(run):
    told = run(SAMPLED)
    assert told["status"] == "done"
    quote = [
        {"name": "__main__.QUOTES", "type": "dict", "length": 20_000, "bound": None},
        {"name": "[key]", "type": "__main__.Quote", "length": None, "bound": None},
    ]
    assert {"list", "str"} <= {one["name"] for site in told["sites"] for one in site["types"]}
    paths = [path["hops"] for site in told["sites"] for path in site["retention"]]
    for attribute in ("Quote.lines", "Quote.name"):
        assert any(hops[:2] == quote and hops[-1]["name"] == attribute for hops in paths)
    assert not any(site["garbage_share"] for site in told["sites"])


class Lines(Excerpts):
    """Gives one short excerpt of any stack, and notes how many bytes it might have taken."""

    def __init__(self) -> None:
        self.rooms: list[int] = []

    def of(self, frames, most_bytes=MOST_BYTES):
        self.rooms.append(most_bytes)
        return [
            {"file": file, "function": name, "line": n, "first": n, "lines": ["x"], "note": ""}
            for file, name, n in frames
        ]


def with_source(result: Retention | Refused) -> tuple[Diagnosis, Lines]:
    lines = Lines()
    stacks = {7: (("shop.py", "remember", 41),), 8: ()}
    rows = row(16, ordinal=1)
    return Diagnosis(lambda: rows, Walks(result), lambda: 0.0, lines, stacks.__getitem__), lines


@pytest.mark.parametrize("result", [retention(HELD), Refused("too large")])
def test_source_travels_with_the_answer_also_where_the_walk_is_refused(result):
    asked, lines = with_source(result)
    told = answer(asked, sites=(0, 1, 5), source=True)
    assert [[one["line"] for one in site["excerpts"]] for site in told["sites"]] == [[41], [], []]
    assert lines.rooms == [MOST_BYTES // 3] * 2


def test_a_collector_that_does_not_ask_for_source_is_sent_none():
    asked, _ = with_source(retention(HELD))
    (site,) = answer(asked)["sites"]
    assert "excerpts" not in site


def test_without_leave_no_source_is_sent_whoever_asks():
    (site,) = answer(diagnosis(Walks(retention(HELD)), row(16, ordinal=1)), source=True)["sites"]
    assert "excerpts" not in site
