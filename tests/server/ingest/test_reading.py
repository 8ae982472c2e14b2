from __future__ import annotations

import base64
import copy
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heaptide.wire import CONTENT_TYPE, pack
from heaptide_server.ingest.problem import Problem
from heaptide_server.ingest.reading import check_content_type, read_report


@pytest.fixture
def body(sender, start):
    return sender().body({1: 1000, 2: 64}, start)


def read(body, received_at):
    return read_report(json.dumps(body).encode(), received_at)


def read_or_refused(body, received_at):
    try:
        return read(body, received_at)
    except Problem as problem:
        return problem


def changed(body, path, value):
    body = copy.deepcopy(body)
    *parents, last = path.split(".")
    part = body
    for name in parents:
        part = part[name]
    part[last] = value
    return body


def refused(body, received_at, status=422):
    with pytest.raises(Problem) as caught:
        read(body, received_at)
    assert caught.value.status == status
    return caught.value.body["error"]


def test_a_report_arrives_as_it_was_sent(sender, start, body):
    report = read(body, start)

    assert report.site_changes == base64.b64decode(body["sites"]["changes"])
    assert [frames[0].line for frames in report.new_sites] == [1, 2]
    assert (report.worker.service, report.base, report.sequence, report.requests) == ("shop", 0, 1, 10)


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("worker.key", "A" * 32, "worker.key"),
        ("worker.key", "a" * 32 + "\n", "worker.key"),
        ("worker.service", "\x00 \x1f", "worker.service"),
        ("worker.pid", -1, "worker.pid"),
        ("worker.pid", "10", "worker.pid"),
        ("worker.pid", True, "worker.pid"),
        ("worker.interval_s", 0, "worker.interval_s"),
        ("worker.interval_s", 1e300, "worker.interval_s"),
        ("worker.colour", "red", "worker.colour"),
        ("colour", "red", "colour"),
        ("version", 2, "version"),
        ("sequence", 0, "sequence"),
        ("sequence", 10**30, "sequence"),
        ("base", 5, None),
        ("requests", -1, "requests"),
        ("taken_at", float("nan"), "taken_at"),
        ("elapsed_s", float("inf"), "elapsed_s"),
        ("vitals.rss_bytes", float("nan"), "vitals.rss_bytes"),
        ("vitals.rss_bytes", "much", "vitals.rss_bytes"),
        ("vitals.mood", 1.0, "vitals"),
        ("agent.mood", 1.0, "agent"),
        ("answers", [{"id": "1", "status": "done", "value": 1}], "answers.0.value"),
        ("answers", [{"id": "x" * 400_000, "status": "done"}], "answers.0.id"),
        ("answers", [{"id": "1", "status": "refused", "reason": "x" * 500}] * 2000, "answers"),
        ("sites.first", 3, None),
        ("sites.define", [[7]], "sites.define"),
        ("sites.define", [[0] * 1000], "sites.define.0"),
        ("sites.define", [[-1]], "sites.define.0.0"),
        ("sites.frames", [["a.py", "f", -1, True]], "sites.frames.0.2"),
        ("sites.frames", [["a.py", "f", 1]], "sites.frames.0.3"),
        ("sites.changes", "not base64", "sites.changes"),
        ("sites.changes", base64.b64encode(b"junk").decode(), "sites.changes"),
        ("sites.changes", base64.b64encode(pack([9], {"bytes": [1]})).decode(), "sites.changes"),
        ("sites.changes", base64.b64encode(zlib.compress(b"\0" * 30_000_000)).decode(), "sites.changes"),
        ("types.changes", base64.b64encode(pack([1], {"count": [1]})).decode(), "types.changes"),
        ("types.define", [1], "types.define.0"),
    ],
)
def test_what_is_wrong_is_named(start, body, path, value, field):
    error = refused(changed(body, path, value), start)
    assert (error["code"], error.get("field")) == ("invalid_report", field)
    assert len(error["message"]) < 600


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[" * 100_000, b'{"a":' + b"9" * 100_000 + b"}", b"nul"])
def test_what_is_no_json_is_refused_with_a_sentence(start, text):
    with pytest.raises(Problem) as caught:
        read_report(text, start)
    assert caught.value.status in (400, 422)


def test_stacks_that_would_unfold_without_bound_are_refused(start, body):
    body = changed(body, "sites.frames", [["f" * 500, "g" * 500, 1, True]] * 256)
    error = refused(changed(body, "sites.define", [list(range(256))] * 1000), start)
    assert error["field"] == "sites.define"


def test_names_lose_what_cannot_be_shown_and_are_cut(start, body):
    body = changed(body, "worker.service", " sh\x00op\u202e\n ")
    body = changed(body, "types.define", ["x" * 2000])
    report = read(body, start)
    assert report.worker.service == "shop"
    assert len(report.new_types[0]) == 500


def test_a_wrong_clock_moves_to_the_collectors(sender, start):
    body = sender(started_at=start - 500).body({1: 1}, start)
    body["sent_at"] = start + 2
    report = read(body, start + 1002)
    assert (report.skew_s, report.taken_at, report.worker.started_at) == (1000, start + 1000, start + 500)


def test_nothing_was_taken_after_it_arrived(start, body):
    body["sent_at"] = body["taken_at"] - 100
    report = read(body, start)
    assert report.taken_at == start
    assert report.worker.started_at <= start


@pytest.mark.parametrize("value", ["", "application/json", "application/vnd.heaptide.report+json", "x;version=1"])
def test_other_content_types_are_refused(value):
    with pytest.raises(Problem) as caught:
        check_content_type(value)
    assert caught.value.status == 415


def test_its_own_content_type_is_taken_in_any_spelling():
    check_content_type(CONTENT_TYPE)
    check_content_type(CONTENT_TYPE.upper().replace("; ", ";"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=5), part, max_size=3),
    max_leaves=8,
)
PLACES = (
    *("worker", "worker.key", "worker.release", "sites", "sites.frames", "sites.define", "sites.changes", "types"),
    *("base", "sequence", "taken_at", "sent_at", "vitals", "agent", "tracer", "tracer.frames", "answers", "final"),
)


@given(place=st.sampled_from(PLACES), value=JSON)
def test_anything_anywhere_is_read_or_refused_with_a_sentence(sender, start, place, value):
    body = changed(sender().body({1: 1000}, start), place, value)
    answer = read_or_refused(body, start)
    if isinstance(answer, Problem):
        assert answer.status in (400, 422)
        assert answer.body["error"]["message"]
    else:
        assert answer.taken_at <= start
