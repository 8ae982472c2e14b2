"""The alerts page as text."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest

from heaptide_dashboards import alerts, render
from heaptide_dashboards.alerts import AlertsPage, AnswerView, DeliveryRow, TargetRow, TrialView

NOW = 1_800_000_000.0
TARGET = TargetRow("ops", "https://hooks.example", "generic", True, False, None, 0, 12, 0, 0)
ROW = DeliveryRow(
    7, "dead", "leak.firing", "ops", "shop", "production", [("lk", "shop/quotes.py:41 remember")], NOW - 90, 7, None,
    500, 0.0123, "answered 500", "no room", True,
)  # fmt: skip


def words(page: str) -> str:
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", "<main" + page.partition("<main")[2]).split()))


def shown(targets: list[TargetRow], rows: list[DeliveryRow], **facts: int) -> str:
    return render.alerts_html(AlertsPage(NOW, targets, rows, **facts))


def test_without_a_target_it_says_how_to_configure_one() -> None:
    page = words(shown([], []))
    assert "Nobody is told" in page
    assert "export HEAPTIDE_WEBHOOK_URL=" in page
    assert "HEAPTIDE_WEBHOOK_FILE" in page
    assert "[[target]] name = " in page


def test_a_row_of_the_log_has_what_was_told_to_whom_and_what_came_of_it() -> None:
    page = shown([TARGET], [ROW])
    told = "Dead Leak in shop production shop/quotes.py:41 remember"
    became = "ops 500 in 12 ms what it said no room 7 1 min ago Replay"
    assert f"{told} {became}" in words(page).replace("\u00a0", " ")
    assert '<a href="/leaks/lk">' in page
    assert 'action="/alerts/7/replay"' in page


def test_what_can_not_be_replayed_has_no_button_for_it() -> None:
    assert "Replay" not in words(shown([TARGET], [replace(ROW, replayable=False)])).replace("Made Replay", "")


def test_a_waiting_delivery_says_when_it_goes_out() -> None:
    row = replace(ROW, status="pending", attempts=0, status_code=None, error=None, latency_s=None, answer=None)
    first = words(shown([TARGET], [replace(row, next_attempt=NOW + 20)]))
    assert "goes out in 20 s" in first.replace("\u00a0", " ")
    later = words(shown([TARGET], [replace(row, attempts=2, error="refused", next_attempt=NOW + 300)]))
    assert "refused next attempt in 5 min" in later.replace("\u00a0", " ")


def test_a_delivery_of_several_leaks_counts_them_and_names_the_first() -> None:
    leaks = [(f"l{number}", f"shop/a.py:{number} f") for number in range(5)]
    page = words(shown([TARGET], [replace(ROW, leaks=leaks)])).replace("\u00a0", " ")
    assert "5 leaks in shop" in page
    assert "shop/a.py:2 f and 2 more leaks" in page


@pytest.mark.parametrize(
    ("facts", "state", "verdict"),
    [
        ({}, "Ready", "All alerts arrived"),
        ({"pending": 1}, "Waiting", "1 alert waiting"),
        ({"dead": 2, "pending": 1}, "Dead letters", "2 alerts didn't arrive"),
        ({"disabled": True, "held": 1}, "Disabled", "1 alert didn't arrive"),
        ({"paused_until": NOW + 60}, "Paused", "All alerts arrived"),
    ],
)
def test_a_target_and_the_page_say_how_it_fares(facts: dict[str, int], state: str, verdict: str) -> None:
    page = words(shown([replace(TARGET, **facts)], [])).replace("\u00a0", " ")
    assert f" {state} " in page
    assert verdict in page


def test_a_trial_has_each_answer() -> None:
    answers = [AnswerView("firing", 200, 0.02, None, "ok"), AnswerView("resolved", None, 5.0, "no connection", "")]
    page = words(shown([replace(TARGET, trial=TrialView(NOW - 9, False, answers))], [])).replace("\u00a0", " ")
    assert "Test failed 9 s ago firing 200 in 20 ms ok resolved in 5.0 s no connection" in page


def test_the_log_has_a_way_to_older_parts_and_back() -> None:
    page = shown([TARGET], [ROW], before=80, older=7)
    assert 'href="/alerts?before=7"' in page
    assert "Newest" in words(page)
    assert 'hx-get="/alerts?before=80"' in page


def test_every_page_leads_to_it() -> None:
    assert 'href="/alerts"' in render.error_html(404, "Not found", "Nothing.")


def test_hostile_texts_are_shown_harmlessly(hostile: str) -> None:
    trial = TrialView(NOW, False, [AnswerView("firing", 500, 0.1, hostile, hostile)])
    target = replace(TARGET, host=hostile, filters=[("services", [hostile])], trial=trial)
    row = replace(ROW, target=hostile, service=hostile, leaks=[(hostile, hostile)], error=hostile, answer=hostile)
    page = shown([target], [row])
    assert "<script>" not in page
    assert not re.search(r"<[^>]*\sstyle=", page)
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", page)
    page.encode()


def test_addresses_are_quoted() -> None:
    assert alerts.alert_action_url("targets", "a/b ?", "test") == "/alerts/targets/a%2Fb%20%3F/test"
