"""Alerts over HTTP: a real collector, a real receiver, real files."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from heaptide_server.alerts.sample import Announcement, sample_pair
from heaptide_server.alerts.signing import new_secret
from heaptide_server.store.connections import connect, transaction

TOKEN = "T0K3N-in-path"


class Hook:
    """Takes the next of `statuses` for each request, then 204; `gate` holds answers back."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.statuses: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.came = threading.Event()
        self.port = 0

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        self.bodies.append(json.loads(handler.rfile.read(int(handler.headers["Content-Length"]))))
        self.came.set()
        self.gate.wait(20)
        status = self.statuses.pop(0) if self.statuses else 204
        handler.send_response(status)
        body = b"" if status == 204 else b"x" * 5000
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


@pytest.fixture
def hook() -> Iterator[Hook]:
    it = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            it.handle(self)

        def log_message(self, *_: Any) -> None:
            """Keeps the tests' output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    it.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield it
    it.gate.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def secret() -> str:
    return new_secret()


@pytest.fixture
def alerting(collector, hook, tmp_path, secret):
    """A collector with two targets, whose delivery job sleeps."""
    file = tmp_path / "targets.toml"
    address = f'"http://127.0.0.1:{hook.port}/{TOKEN}"'
    file.write_text(
        f'[[target]]\nname = "ops"\nurl = {address}\nsecret = "{secret}"\nallow_nets = ["127.0.0.0/8"]\n'
        f'[[target]]\nname = "native"\nurl = {address}\nkinds = ["native"]\nservices = ["pay-*"]\n'
    )
    return collector(webhook_file=file, delivery_interval_s=3600.0, webhook_group_s=0.0)


@pytest.fixture
def tell(alerting):
    """Enqueues a notice and, where asked, tries it often enough to die."""
    courier = alerting.collector.desk()._courier

    def telling(kind: str, now: float, attempts: int = 1) -> None:
        with connect(alerting.collector.settings.db) as db, transaction(db):
            courier.enqueue(db, [Announcement(kind, sample_pair(0.0)[0].leak.__class__(**LEAK))], now)
        for attempt in range(attempts):
            courier.deliver_due(now + attempt * 50_000)

    return telling


LEAK = {**vars(sample_pair(1.8e9)[0].leak), "id": "f00d", "service": "shop", "environment": "production"}
NOW = 1.8e9


def test_targets_are_listed_without_their_secrets(alerting, secret):
    answer = alerting.get("/api/v1/alerts/targets")
    ops, native = answer.json()["targets"]
    assert ops == {
        "name": "ops", "host": ops["host"], "format": "generic", "signed": True, "services": [], "environments": [],
        "kinds": [], "allow_nets": ["127.0.0.0/8"], "allow_http": False, "disabled_at": None, "paused_until": None,
        "pending": 0, "delivered": 0, "dead": 0, "held": 0, "last_test": None,
    }  # fmt: skip
    assert (native["kinds"], native["services"]) == (["native"], ["pay-*"])
    assert TOKEN not in answer.text
    assert secret not in answer.text
    assert TOKEN not in alerting.get("/alerts").text
    assert secret not in alerting.get("/alerts").text


def test_the_test_sends_a_pair_and_tells_status_latency_and_the_first_two_kilobytes(alerting, hook):
    hook.statuses = [200, 201]
    answer = alerting.post("/api/v1/alerts/targets/ops/test").json()
    assert (answer["target"], answer["passed"]) == ("ops", True)
    assert [(one["notice"], one["status"], one["error"]) for one in answer["answers"]] == [
        ("firing", 200, None),
        ("resolved", 201, None),
    ]
    assert all(one["body"] == "x" * 2048 and one["latency_s"] > 0 for one in answer["answers"])
    assert [body["type"] for body in hook.bodies] == ["leak.test", "leak.test"]
    assert alerting.get("/api/v1/alerts/targets").json()["targets"][0]["last_test"]["passed"]
    assert alerting.get("/api/v1/alerts").json()["deliveries"] == []


def test_a_test_that_fails_or_is_refused_says_why(alerting, hook):
    hook.statuses = [503]
    answer = alerting.post("/api/v1/alerts/targets/ops/test").json()
    assert (answer["passed"], [one["status"] for one in answer["answers"]]) == (False, [503])
    answer = alerting.post("/api/v1/alerts/targets/native/test").json()
    (one,) = answer["answers"]
    assert one["status"] is None
    assert "a loopback address" in one["error"]
    assert len(hook.bodies) == 1


def test_a_target_that_is_being_tested_is_not_tested_beside_it(alerting, hook):
    hook.gate.clear()
    answers = []
    thread = threading.Thread(target=lambda: answers.append(alerting.post("/api/v1/alerts/targets/ops/test")))
    thread.start()
    assert hook.came.wait(10)
    refused = alerting.post("/api/v1/alerts/targets/ops/test")
    hook.gate.set()
    thread.join(20)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "test_under_way")
    assert answers[0].json()["passed"]


def test_a_target_that_is_not_there_is_named(alerting):
    for name in ("nobody", "%2e%2e", "a%20b"):
        answer = alerting.post(f"/api/v1/alerts/targets/{name}/test")
        assert answer.status_code == 404
        assert "error" in answer.json()


def test_the_log_has_deliveries_newest_first_page_by_page(alerting, hook, tell):
    hook.statuses = [500]
    tell("leak.firing", NOW)
    for number in range(3):
        tell("leak.firing", NOW + 100 + number)
    first = alerting.get("/api/v1/alerts?limit=3").json()
    assert [row["id"] for row in first["deliveries"]] == [4, 3, 2]
    second = alerting.get(f"/api/v1/alerts?limit=3&before={first['next']}").json()
    (row,) = second["deliveries"]
    assert second["next"] is None
    assert row["leaks"] == [{"id": "f00d", "place": "example/cache.py:41 remember"}]
    assert (row["target"], row["type"], row["service"], row["environment"]) == (
        "ops", "leak.firing", "shop", "production",
    )  # fmt: skip
    assert alerting.get("/api/v1/alerts?status=dead").json()["deliveries"] == []
    assert len(alerting.get("/api/v1/alerts?target=ops").json()["deliveries"]) == 4
    assert alerting.get("/api/v1/alerts?target=other").json()["deliveries"] == []


def test_a_dead_delivery_is_shown_replayed_and_arrives(alerting, hook, tell):
    hook.statuses = [500] * 7
    tell("leak.firing", NOW, attempts=7)
    (row,) = alerting.get("/api/v1/alerts?status=dead").json()["deliveries"]
    assert (row["attempts"], row["error"], row["next_attempt"], row["replayable"]) == (7, "answered 500", None, True)
    assert alerting.get("/api/v1/alerts/targets").json()["targets"][0]["dead"] == 1
    replayed = alerting.post(f"/api/v1/alerts/{row['id']}/replay").json()
    assert (replayed["status"], replayed["attempts"], replayed["webhook_id"]) == ("pending", 0, row["webhook_id"])
    alerting.collector.desk()._courier.deliver_due(NOW + 1e9)
    (row,) = alerting.get("/api/v1/alerts").json()["deliveries"]
    assert (row["status"], row["status_code"]) == ("delivered", 204)
    refused = alerting.post(f"/api/v1/alerts/{row['id']}/replay")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not_replayable")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/api/v1/alerts/99/replay", 404),
        ("POST", "/api/v1/alerts/99999999999999999999/replay", 422),
        ("POST", "/api/v1/alerts/x/replay", 422),
        ("GET", "/api/v1/alerts?limit=0", 422),
        ("GET", "/api/v1/alerts?limit=501", 422),
        ("GET", "/api/v1/alerts?before=-1", 422),
        ("GET", "/api/v1/alerts?before=99999999999999999999", 422),
        ("GET", "/api/v1/alerts?status=lost", 422),
        ("POST", "/alerts/99/replay", 404),
        ("POST", "/alerts/targets/nobody/test", 404),
    ],
)
def test_what_can_not_be_is_answered_with_its_status_and_no_traceback(alerting, method, path, status):
    answer = alerting.request(method, path)
    assert answer.status_code == status
    assert "Traceback" not in answer.text


def test_a_page_of_another_site_can_neither_test_nor_replay(alerting, hook):
    for path in ("/alerts/targets/ops/test", "/api/v1/alerts/targets/ops/test", "/alerts/1/replay"):
        assert alerting.post(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert hook.bodies == []


def test_the_pages_buttons_lead_back_to_the_page(alerting, hook, tell):
    hook.statuses = [500] * 7
    tell("leak.firing", NOW, attempts=7)
    for path in ("/alerts/targets/ops/test", "/alerts/1/replay"):
        answer = alerting.post(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/alerts")
    page = alerting.get("/alerts").text
    assert "Test passed" in page
    assert "Waiting" in page


def test_the_retention_job_drops_old_deliveries(alerting, hook, tell):
    tell("leak.firing", NOW)
    tell("leak.firing", NOW + 20 * 86400)
    alerting.collector._expire(NOW + 31 * 86400)
    assert [row["id"] for row in alerting.get("/api/v1/alerts").json()["deliveries"]] == [2]
