"""Critical findings on their way to people: stored, told once, resolved, in every format."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, replace

import pytest

from heaptide_server.alerts.payloads import render
from heaptide_server.alerts.targets import Filter
from heaptide_server.checks.checkup import Checked
from heaptide_server.checks.finding import Finding
from heaptide_server.checks.telling import Telling, migrations
from heaptide_server.leaks.ledger import Ledger
from heaptide_server.store.connections import connect
from heaptide_server.store.sqlite import SqliteStore

BASE = "https://heaptide.example"
DAY_S = 86400.0
FINDING = Finding(
    "no-supervisor", "critical", "Nothing restarts uvicorn when it dies.", ("It runs below bash.",), "Do this.", ("w",)
)


def look(*findings: Finding) -> Checked:
    return Checked("shop", "production", 1, 1, findings)


@pytest.fixture
def telling(path, courier) -> Telling:
    telling = Telling(path, SqliteStore(path), Ledger(path), courier.tell, BASE)
    telling.migrate()
    return telling


def test_a_finding_is_told_once_over_restarts_and_resolved_once(telling, path, courier, receiver) -> None:
    now = time.time()
    for _ in range(3):
        telling.look(look(FINDING), now)
    again = Telling(path, SqliteStore(path), Ledger(path), courier.tell, BASE)
    again.migrate()
    for _ in range(6):
        again.look(look(), now)
    assert courier.deliver_due(now + 1) == 2
    bodies = [json.loads(arrival.body) for arrival in receiver.arrivals]
    assert [body["type"] for body in bodies] == ["check.firing", "check.resolved"]
    (alert,) = bodies[0]["data"]["alerts"]
    assert alert["labels"] == {
        "alertname": "HeaptideCheck", "service": "shop", "environment": "production", "kind": "check",
        "site": "no-supervisor",
    }  # fmt: skip
    assert alert["annotations"]["summary"] == "shop (production): Nothing restarts uvicorn when it dies."
    assert alert["generatorURL"] == f"{BASE}/checks?service=shop&environment=production"
    assert bodies[0]["data"]["findings"][0]["fix"] == "Do this."
    assert {body["data"]["alerts"][0]["fingerprint"] for body in bodies} == {alert["fingerprint"]}


def test_a_finding_that_lasts_is_told_again_each_day_as_the_same_alert(path, courier, receiver) -> None:
    telling = Telling(path, SqliteStore(path), Ledger(path), courier.tell, BASE, repeat_s=DAY_S)
    telling.migrate()
    told = []
    for hour in range(73):
        now = 1e9 + hour * 3600
        telling.look(look(FINDING), now)
        told += [hour] * courier.deliver_due(now)
    assert told == [1, 25, 49]
    alerts = [json.loads(arrival.body)["data"]["alerts"][0] for arrival in receiver.arrivals]
    assert len({alert["fingerprint"] for alert in alerts}) == 1
    assert len({arrival.headers["webhook-id"] for arrival in receiver.arrivals}) == 3


def test_what_was_told_before_the_times_were_kept_is_not_told_anew(path, courier) -> None:
    telling = Telling(path, SqliteStore(path), Ledger(path), courier.tell, BASE, repeat_s=DAY_S)
    with connect(path) as db:
        migrations.apply(db, stop_before="told_at")
        row = [look().id_of(FINDING), "shop", "production", json.dumps(asdict(FINDING)), 1e9, 9, 0, 1]
        db.execute("INSERT INTO standing_findings VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    telling.migrate()
    telling.look(look(FINDING), 1e9 + 60)
    assert courier.deliver_due(1e9 + 60) == 0
    telling.look(look(FINDING), 1e9 + DAY_S)
    assert courier.deliver_due(1e9 + DAY_S) == 1


def test_findings_of_one_kind_are_told_and_resolved_one_by_one(telling, courier, receiver) -> None:
    both = [replace(FINDING, kind="loop-blocked", title=f"{name} blocks.", subject=name) for name in ("load", "store")]
    for findings in [both[:1]] * 2 + [both] * 2 + [both[1:]] * 5:
        telling.look(look(*findings), 1e9)
    courier.deliver_due(1e9)
    told = [json.loads(arrival.body) for arrival in receiver.arrivals]
    assert [(one["type"], one["data"]["alerts"][0]["labels"]["site"]) for one in told] == [
        ("check.firing", "loop-blocked: load"),
        ("check.firing", "loop-blocked: store"),
        ("check.resolved", "loop-blocked: load"),
    ]


def test_a_target_that_takes_leaks_alone_isnt_told(path, courier_to, target, receiver) -> None:
    leaks_alone = courier_to(replace(target, filter=Filter(kinds=("site", "objects", "native"))))
    telling = Telling(path, SqliteStore(path), Ledger(path), leaks_alone.tell, BASE)
    telling.migrate()
    for _ in range(3):
        telling.look(look(FINDING), time.time())
    assert leaks_alone.deliver_due(time.time() + 1) == 0
    assert not receiver.arrivals


@pytest.mark.parametrize("over", [False, True])
def test_each_format_says_that_a_check_failed_or_passes(telling, over) -> None:
    standing: list = []
    telling._tell = lambda db, sheets, now: standing.extend(sheets)
    for found in [look(FINDING)] * 2 + [look()] * 6 * over:
        telling.look(found, time.time())
    sheet = standing[-1]
    slack = json.loads(render("slack", [sheet], "ops", BASE))
    assert slack["blocks"][0]["text"]["text"] == ("Check passes again in shop" if over else "Check failed in shop")
    pagerduty = json.loads(render("pagerduty", [sheet], "ops", BASE))
    assert pagerduty["event_action"] == ("resolve" if over else "trigger")
    assert (pagerduty["payload"]["class"], pagerduty["payload"]["severity"]) == ("check", "critical")


def test_the_job_looks_at_every_service_of_the_store(path, courier, receiver, sender) -> None:
    store = SqliteStore(path)
    store.migrate()
    ledger = Ledger(path)
    ledger.migrate()
    alone = {"supervisor": {"server": "uvicorn", "workers": 1, "ancestors": [{"pid": 4, "name": "bash"}]}}
    now = time.time()
    store.append([sender(started_at=now).report({7: 1}, now, facts=alone)], now)
    telling = Telling(path, store, ledger, courier.tell, BASE)
    telling.migrate()
    telling.tick(now)
    telling.tick(now)
    assert courier.deliver_due(now + 1) == 1
    assert "uvicorn" in json.loads(receiver.arrivals[0].body)["data"]["alerts"][0]["annotations"]["summary"]
    store.close()
