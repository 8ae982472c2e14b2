"""Answers to the collector's requests: what arrives, and what is refused with the report that carried it."""

from __future__ import annotations

import copy
import json

import pytest

from heaptide_server.ingest.problem import Problem
from heaptide_server.ingest.reading import read_report


@pytest.fixture
def read(sender, start):
    def _read(*answers):
        body = sender().body({1: 1000}, start, answers=list(answers))
        return read_report(json.dumps(body).encode(), start).answers

    return _read


def changed(answer, path, value):
    answer = copy.deepcopy(answer)
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    part = answer
    for name in parents:
        part = part[name]
    part[last] = value
    return answer


def test_an_answer_arrives_as_it_was_sent(read, found):
    sent = found("7", 0, 3)
    (answer,) = read(sent)
    assert (answer["id"], answer["status"], answer["reason"]) == ("7", "done", None)
    assert [site["site"] for site in answer["sites"]] == [0, 3]
    assert answer["sites"][0]["types"] == sent["sites"][0]["types"]
    assert answer["sites"][0]["ages"] == sent["sites"][0]["ages"]
    (path,) = answer["sites"][0]["retention"]
    assert [hop["name"] for hop in path["hops"]] == ["shop.quotes._QUOTES", "[key]", "Quote.lines"]
    assert path["count"] == 187


def test_a_refusal_needs_no_findings(read):
    (answer,) = read({"id": "7", "status": "refused", "reason": "forking would stop the process for 300 ms"})
    assert (answer["status"], answer["sites"]) == ("refused", [])


def test_a_hop_may_have_a_bound(read):
    hops = [{"name": "shop.cached", "type": "functools._lru_cache_wrapper", "length": 500, "bound": 500}]
    site = {"site": 0, "samples": 20, "retention": [{"count": 20, "hops": hops}], "garbage_share": 0.25}
    (answer,) = read({"id": "7", "status": "done", "reason": "", "sites": [site], "cost": {"fork_s": 0.01}})
    assert answer["sites"][0]["retention"][0]["hops"][0]["bound"] == 500
    assert answer["sites"][0]["garbage_share"] == 0.25


@pytest.mark.parametrize("name", ["\u202egpj.exe\x00", "n" * 5000, "<script>alert(1)</script>", "\x07", "\u200b"])
def test_hostile_names_are_cleaned_and_cut_and_never_refuse_a_report(read, found, name):
    answer = changed(found("7", 0), "sites.0.types.0.name", name)
    answer = changed(answer, "sites.0.retention.0.hops.0.name", name)
    (read_back,) = read(answer)
    for text in (
        read_back["sites"][0]["types"][0]["name"],
        read_back["sites"][0]["retention"][0]["hops"][0]["name"],
    ):
        assert text in name
        assert len(text) <= 500
        assert not set(text) & set("\u202e\x00\x07\u200b")


EXCERPT = {"file": "shop/quotes.py", "function": "remember", "line": 41, "first": 40, "lines": ["def f():", "    x"]}


def test_source_arrives_with_its_indentation_and_an_answer_may_have_none(read, found):
    answer = found("7", 0, 1)
    answer["sites"][0]["excerpts"] = [EXCERPT, EXCERPT | {"lines": [], "first": 0, "note": "the file isn't there"}]
    (read_back,) = read(answer)
    first, second = read_back["sites"][0]["excerpts"]
    assert first == EXCERPT | {"note": ""}
    assert second["note"] == "the file isn't there"
    assert read_back["sites"][1]["excerpts"] is None


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("x = '\u202egpj.exe'", "x = '\\u202egpj.exe'"),
        ("a\x00b\nc\x1b[2J", "a\\x00b\\nc\\x1b[2J"),
        ("<script>", "<script>"),
        ("y" * 10_000, "y" * 1000),
        ("\u200b" * 1000, ("\\u200b" * 1000)[:1000]),
    ],
)
def test_a_hostile_line_of_source_is_written_out_and_cut_and_never_refuses_a_report(read, found, line, shown):
    answer = found("7", 0)
    answer["sites"][0]["excerpts"] = [EXCERPT | {"lines": [line]}]
    (read_back,) = read(answer)
    assert read_back["sites"][0]["excerpts"][0]["lines"] == [shown]


TYPE = {"name": "dict", "share": 0.1}
HOP = {"name": "x", "type": "dict", "length": 1}


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("status", "maybe", "status"),
        ("id", 7, "id"),
        ("colour", "red", "colour"),
        ("sites", [{"site": 0}] * 33, "sites"),
        ("sites.0.site", -1, "sites.0.site"),
        ("sites.0.site", "0", "sites.0.site"),
        ("sites.0.colour", "red", "sites.0.colour"),
        ("sites.0.types", [TYPE] * 21, "sites.0.types"),
        ("sites.0.types.0.share", 1.5, "sites.0.types.0.share"),
        ("sites.0.types.0.share", float("nan"), "sites.0.types.0.share"),
        ("sites.0.ages.older", -1, "sites.0.ages.older"),
        ("sites.0.ages.older", None, "sites.0.ages.older"),
        ("sites.0.ages.ancient", 1, "sites.0.ages.ancient"),
        ("sites.0.retention", [{"count": 1, "hops": [HOP]}] * 21, "sites.0.retention"),
        ("sites.0.retention.0.hops", [HOP] * 51, "sites.0.retention.0.hops"),
        ("sites.0.retention.0.hops", [], "sites.0.retention.0.hops"),
        ("sites.0.retention.0.count", 0, "sites.0.retention.0.count"),
        ("sites.0.retention.0.hops.0.length", -5, "sites.0.retention.0.hops.0.length"),
        ("sites.0.retention.0.hops.0.length", 1.5, "sites.0.retention.0.hops.0.length"),
        ("sites.0.retention.0.bound", 500, "sites.0.retention.0.bound"),
        ("sites.0.excerpts", [EXCERPT] * 11, "sites.0.excerpts"),
        ("sites.0.excerpts", [EXCERPT | {"lines": ["x"] * 51}], "sites.0.excerpts.0.lines"),
        ("sites.0.excerpts", [EXCERPT | {"line": -1}], "sites.0.excerpts.0.line"),
        ("sites.0.excerpts", [EXCERPT | {"path": "/etc"}], "sites.0.excerpts.0.path"),
    ],
)
def test_what_is_wrong_with_an_answer_is_named(read, found, path, value, field):
    with pytest.raises(Problem) as caught:
        read(changed(found("7", 0), path, value))
    error = caught.value.body["error"]
    assert (caught.value.status, error["code"]) == (422, "invalid_report")
    # A field is named by its first six steps.
    assert error["field"] == ".".join(["answers", "0", *field.split(".")][:6])


def test_answers_have_a_bound_in_all(read, found):
    answer = found("7", *range(32))
    paths = [
        {"count": 1, "hops": [{"name": f"{hop}" * 250, "type": "t" * 200} for hop in range(10)]} for _ in range(20)
    ]
    for site in answer["sites"]:
        site["retention"] = paths
    with pytest.raises(Problem) as caught:
        read(answer)
    assert caught.value.body["error"]["field"] == "answers"
