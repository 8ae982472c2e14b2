"""What workers told of a leak's sites, added up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from heaptide_server.leaks.findings import diagnosis, findings
from heaptide_server.model import Bound

AGES = {"under_1_min": 0.0, "under_5_min": 0.0, "under_30_min": 0.0, "under_2_h": 0.0, "older": 0.0}


def hop(name: str, **facts: Any) -> dict[str, Any]:
    return {"name": name, "type": "dict", "length": None, "bound": None} | facts


def path(count: int, *hops: dict[str, Any]) -> dict[str, Any]:
    return {"count": count, "hops": list(hops)}


def site(number: int, **facts: Any) -> dict[str, Any]:
    values = {"site": number, "samples": None, "types": None, "ages": None, "retention": None, "garbage_share": None}
    return values | facts


def share(**shares: float) -> list[dict[str, Any]]:
    return [{"name": name, "share": part} for name, part in shares.items()]


def row(number: int, status: str, sites: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "at": float(number), "worker_id": number, "host": "web-1", "pid": 10, "status": status,
        "reason": None if status == "done" else "no fork", "sites": json.dumps(sites),
    }  # fmt: skip


def test_types_of_several_sites_count_by_their_live_bytes() -> None:
    found = findings(
        [
            site(0, types=share(Quote=1.0), ages=AGES | {"older": 300.0}),
            site(1, types=share(Quote=0.5, dict=0.5), ages=AGES | {"under_1_min": 100.0}),
        ],
        1.0,
    )
    assert dict(found.types) == pytest.approx({"Quote": 0.875, "dict": 0.125})
    assert [name for name, _ in found.types] == ["Quote", "dict"]
    assert found.ages == AGES | {"older": 300.0, "under_1_min": 100.0}


def test_sites_count_alike_where_their_bytes_are_not_known_of_all() -> None:
    found = findings([site(0, types=share(a=1.0), ages=AGES | {"older": 9e9}), site(1, types=share(b=1.0))], 1.0)
    assert dict(found.types) == {"a": 0.5, "b": 0.5}


def test_a_site_whose_types_are_not_known_takes_no_share_from_the_others() -> None:
    found = findings([site(0, types=share(a=1.0)), site(1), site(2, types=[])], 1.0)
    assert found.types == (("a", 1.0),)
    assert (found.ages, found.paths, found.garbage_share) == (None, (), None)


def test_paths_that_read_the_same_are_one_with_their_counts_added_and_the_largest_length() -> None:
    cache = hop("shop._QUOTES", length=10)
    found = findings(
        [
            site(0, retention=[path(3, hop("shop._OTHER")), path(2, cache, hop("[key]"))]),
            site(1, retention=[path(4, cache | {"length": 12}, hop("[key]"))]),
        ],
        1.0,
    )
    assert [(one.count, one.hops[0].name, one.hops[0].length) for one in found.paths] == [
        (6, "shop._QUOTES", 12),
        (3, "shop._OTHER", None),
    ]


def test_a_bound_is_the_one_nearest_to_the_samples_and_c_is_known_by_its_name() -> None:
    bounded = path(1, hop("queue", type="queue.Queue", bound=10), hop("cached", type="lru_cache", bound=500), hop("x"))
    found = findings([site(0, retention=[bounded, path(1, hop("held from C"))])], 1.0)
    assert [(one.bound, one.held_from_c) for one in found.paths] == [
        (Bound("lru_cache", 500), False),
        (None, True),
    ]


def test_what_was_found_stays_where_a_worker_refuses_later() -> None:
    rows: list[Any] = [row(3, "refused", []), row(2, "done", [site(0, types=share(new=1.0))]), row(1, "done", [])]
    told = diagnosis(rows)
    assert (told.status, told.reason, told.at, told.worker_id) == ("refused", "no fork", 3.0, 3)
    assert told.findings is not None
    assert (told.findings.at, told.findings.types) == (2.0, (("new", 1.0),))


def test_a_refusal_that_tells_ages_is_better_than_nothing_but_not_than_findings() -> None:
    refusal: Any = row(2, "refused", [site(0, ages=AGES | {"older": 5.0})])
    told = diagnosis([refusal]).findings
    assert told is not None
    assert (told.ages, told.types, told.paths) == (AGES | {"older": 5.0}, (), ())
    found: Any = row(1, "done", [])
    assert diagnosis([refusal, found]).findings.at == 1.0  # type: ignore[union-attr]


def test_nothing_was_found_where_all_refused() -> None:
    assert diagnosis([row(1, "refused", [])]).findings is None  # type: ignore[list-item]


def excerpt(line: int, *lines: str) -> dict[str, Any]:
    return {"file": "a.py", "function": "f", "line": line, "first": line, "lines": list(lines), "note": ""}


def test_source_of_several_sites_is_each_place_once_in_their_order() -> None:
    told = [site(0, excerpts=[excerpt(1, "x"), excerpt(9)]), site(1), site(2, excerpts=[excerpt(1, "x"), excerpt(5)])]
    found = findings(told, 1.0)
    assert [(one.line, one.lines) for one in found.excerpts] == [(1, ("x",)), (9, ()), (5, ())]
    old = {name: value for name, value in site(0).items() if name != "excerpts"}
    assert findings([old], 1.0).excerpts == ()
