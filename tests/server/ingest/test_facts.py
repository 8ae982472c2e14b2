"""Facts on their way in: small, shallow, and fit to be shown."""

from __future__ import annotations

import json

import pytest

from heaptide_server.ingest.problem import Problem
from heaptide_server.ingest.reading import read_report


def read(sender, start, facts):
    body = sender().body({7: 1}, start)
    return read_report(json.dumps(body | {"facts": facts}).encode(), start)


def test_facts_arrive_as_they_were_told(sender, start) -> None:
    facts = {"cpu": {"os_cpus": 8, "quota_cpus": None, "pools": {"torch": 2}, "variables": ["OMP_NUM_THREADS"]}}
    assert read(sender, start, facts).facts == facts


def test_a_report_of_an_older_agent_has_none(sender, start) -> None:
    assert read_report(json.dumps(sender().body({7: 1}, start)).encode(), start).facts == {}


def test_texts_lose_what_cant_be_shown(sender, start) -> None:
    told = read(sender, start, {"cpu": {"na\u202eme": ["a\x07b", {"c\u200b": "d\n"}]}})
    assert told.facts == {"cpu": {"name": ["ab", {"c": "d"}]}}


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"cpu": {"text": "x" * 9000}}, "more than 8192 bytes"),
        ({"cpu": {"a": {"b": {"c": {"d": {"e": {"f": {"g": 1}}}}}}}}, "nested"),
        ({str(number): {} for number in range(40)}, "32"),
        ({"cpu": [1, 2]}, "object"),
        ({"": {}}, "1"),
        ("cpu", "object"),
    ],
)
def test_what_is_too_much_or_of_the_wrong_kind_is_refused_with_the_reason(sender, start, facts, says) -> None:
    with pytest.raises(Problem, match=says) as refused:
        read(sender, start, facts)
    assert refused.value.status == 422
    assert refused.value.body["error"]["field"].startswith("facts")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_lacks_are_refused(sender, start, number) -> None:
    text = json.dumps(sender().body({7: 1}, start) | {"facts": {"cpu": {"level": "HERE"}}}).replace('"HERE"', number)
    with pytest.raises(Problem):
        read_report(text.encode(), start)
