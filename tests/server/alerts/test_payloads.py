"""What receivers read."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from heaptide_server.alerts.channels import pagerduty, with_routing_key
from heaptide_server.alerts.payloads import render
from heaptide_server.alerts.sample import Announcement
from heaptide_server.alerts.sentences import size, summary
from heaptide_server.alerts.sheet import Pages, read_sheet, sheet_of
from heaptide_server.model import Frame, Site

NOW = 1_700_000_000.5
PAGES = Pages(
    "http://collector.example", lambda leak: {"id": leak.id, "growth": {"bytes_per_hour": leak.bytes_per_hour}}
)


@pytest.fixture
def quotes(leak):
    """The leak that people are told of."""
    site = Site(7, (Frame("json/decoder.py", "decode", 5, False), Frame("shop/quotes.py", "remember", 41, True)))
    return replace(
        leak,
        site=site,
        bytes_per_hour=14.2 * 2**20,
        bytes_per_request=2150.0,
        first_seen=1_700_000_000.0,
        evidence="rose in 4 of 4 workers",
    )


def body(format_, kind, *leaks):
    sheets = [read_sheet(sheet_of(Announcement(kind, leak), NOW, PAGES).text()) for leak in leaks]
    return json.loads(render(format_, sheets, "webhook", PAGES.base_url))


def test_the_summary_is_a_sentence_that_names_line_and_rates(quotes):
    assert summary(Announcement("leak.firing", quotes)) == (
        "shop (production): shop/quotes.py:41 remember leaks 14.2 MiB per hour, 2.1 KiB per request"
    )
    assert summary(Announcement("leak.resolved", quotes)) == (
        "shop (production): shop/quotes.py:41 remember no longer leaks"
    )
    unknown = replace(quotes, site=None, kind="objects", type_name="shop.Quote", bytes_per_request=None)
    assert summary(Announcement("leak.firing", unknown)) == ("shop (production): shop.Quote leaks 14.2 MiB per hour")
    native = replace(unknown, kind="native", type_name=None)
    assert "native memory leaks" in summary(Announcement("leak.firing", native))
    assert summary(Announcement("leak.test", quotes)).startswith("Test, nothing leaks: ")


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (-2048, "-2.0 KiB"), (2**50, "1024.0 TiB")]
)
def test_sizes_read_in_the_largest_unit_that_fits(count, text):
    assert size(count) == text


def test_the_generic_body_is_an_envelope_around_an_alertmanager_group_and_the_leak(quotes):
    firing = body("generic", "leak.firing", quotes)
    assert set(firing) == {"type", "timestamp", "data"}
    assert (firing["type"], firing["timestamp"]) == ("leak.firing", "2023-11-14T22:13:20.500Z")
    assert firing["data"].pop("leaks") == [{"id": "f00d", "growth": {"bytes_per_hour": quotes.bytes_per_hour}}]
    assert firing["data"] == body("alertmanager", "leak.firing", quotes)


def test_the_alertmanager_body_has_every_field_of_version_4(quotes):
    group = body("alertmanager", "leak.firing", quotes)
    (alert,) = group.pop("alerts")
    assert alert == {
        "status": "firing",
        "labels": {
            "alertname": "HeaptideLeak",
            "service": "shop",
            "environment": "production",
            "kind": "site",
            "site": "shop/quotes.py:remember",
        },
        "annotations": {
            "summary": "shop (production): shop/quotes.py:41 remember leaks 14.2 MiB per hour, 2.1 KiB per request",
            "evidence": "rose in 4 of 4 workers",
            "place": "shop/quotes.py:41 remember",
        },
        "startsAt": "2023-11-14T22:13:20.000Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://collector.example/leaks/f00d",
        "fingerprint": "f00d",
    }
    assert group == {
        "version": "4",
        "groupKey": '{}:{alertname="HeaptideLeak", service="shop", environment="production"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "webhook",
        "groupLabels": {"alertname": "HeaptideLeak", "service": "shop", "environment": "production"},
        "commonLabels": alert["labels"],
        "commonAnnotations": alert["annotations"],
        "externalURL": "http://collector.example",
    }


def test_resolved_has_the_labels_of_firing_though_the_line_moved_and_the_rate_changed(quotes):
    moved = replace(quotes, site=Site(8, (Frame("shop/quotes.py", "remember", 57, True),)), bytes_per_hour=1.0)
    firing, resolved = body("alertmanager", "leak.firing", quotes), body("alertmanager", "leak.resolved", moved)
    assert firing["groupKey"] == resolved["groupKey"]
    assert firing["alerts"][0]["labels"] == resolved["alerts"][0]["labels"]
    assert firing["alerts"][0]["fingerprint"] == resolved["alerts"][0]["fingerprint"]
    assert (resolved["status"], resolved["alerts"][0]["endsAt"]) == ("resolved", "2023-11-14T22:13:20.500Z")


def test_a_number_that_json_does_not_have_becomes_null(quotes):
    assert body("generic", "leak.firing", replace(quotes, bytes_per_hour=math.inf))["data"]["leaks"][0]["growth"] == {
        "bytes_per_hour": None
    }


def test_slack_gets_text_and_blocks_within_its_limits_whatever_the_leak(quotes):
    long = replace(
        quotes,
        service="s" * 500,
        evidence="e" * 10_000,
        site=Site(1, tuple(Frame("f" * 900, "g" * 900, 1, True) for _ in range(200))),
    )
    for leak in (quotes, long):
        for kind in ("leak.firing", "leak.resolved", "leak.test"):
            message = body("slack", kind, leak)
            header, *sections = message["blocks"]
            assert header["text"]["type"] == "plain_text"
            assert len(header["text"]["text"]) <= 150
            assert len(message["blocks"]) <= 50
            assert all(0 < len(section["text"]["text"]) <= 3000 for section in sections)
            assert message["text"]
            assert "http://collector.example/leaks/f00d" in sections[-1]["text"]["text"]


def test_slack_reads_no_commands_out_of_names(quotes):
    odd = replace(quotes, evidence="<!channel> & <@U1>", site=Site(1, (Frame("a.py", "<lambda>", 1, True),)))
    text = json.dumps(body("slack", "leak.firing", odd))
    assert "&lt;lambda&gt;" in text
    assert "&lt;!channel&gt; &amp; &lt;@U1&gt;" in text


def test_pagerduty_resolves_what_it_triggered_within_its_limits(quotes):
    long = replace(quotes, id="i" * 300, service="s" * 2000)
    trigger, resolve = (body("pagerduty", kind, long) for kind in ("leak.firing", "leak.resolved"))
    assert (trigger["event_action"], resolve["event_action"]) == ("trigger", "resolve")
    assert trigger["dedup_key"] == resolve["dedup_key"] == "i" * 255
    assert len(trigger["payload"]["summary"]) == 1024
    assert trigger["payload"]["severity"] in ("critical", "error", "warning", "info")
    assert trigger["payload"]["timestamp"] == "2023-11-14T22:13:20.500Z"


def test_the_routing_key_is_added_only_when_the_event_is_sent(quotes):
    event = pagerduty(sheet_of(Announcement("leak.firing", quotes), NOW, PAGES))
    assert "routing_key" not in event
    assert json.loads(with_routing_key(json.dumps(event), "R" * 32)) == {**event, "routing_key": "R" * 32}
