from __future__ import annotations

import time
from dataclasses import replace

import pytest

from heaptide_server.api.shapes import leak_json
from heaptide_server.leaks.ledger import Changes
from heaptide_server.model import Frame, Leak, Site


def a_leak(**told):
    site = Site(7, (Frame("lib/json.py", "loads", 5, False), Frame("shop/quotes.py", "remember", 41, True)))
    leak = Leak(
        id="abc", service="shop", environment="production", kind="site", status="open", site=site, type_name=None,
        bytes_per_hour=1e6, bytes_per_hour_low=float("-inf"), bytes_per_hour_high=2e6, bytes_per_request=None,
        live_bytes=5, survivor_bytes=None, workers=2, generations=3, confidence=0.99, first_seen=0.0, last_seen=1.5,
        release="1.0", evidence="rising", state={"grown_bytes": 5, "fired": True, "quiet": False},
    )  # fmt: skip
    return replace(leak, **told)


def remember(client, *leaks):
    client.collector.ledger.update("shop", "production", time.time(), lambda _: Changes(list(leaks), [], []))


def test_a_report_is_acknowledged_again_when_it_is_repeated(client, post, sender):
    body = sender().body({1: 1000}, time.time())
    for _ in range(3):
        answer = post(client, body)
        assert (answer.status_code, answer.json()) == (200, {"acknowledged": 1, "requests": []})
    assert len(client.collector.store.stored_after(0, 10)) == 1


def test_a_gap_says_what_was_acknowledged(client, post, sender):
    worker = sender()
    post(client, worker.body({1: 1000}, time.time()))
    worker.acknowledged, worker.sequence = 4, 6
    answer = post(client, worker.body({1: 64}, time.time()))
    assert answer.status_code == 409
    assert answer.json()["acknowledged"] == 1
    assert answer.json()["error"]["code"] == "gap"


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"Content-Type": "application/json"}, b"{}", 415),
        ({"Content-Encoding": "br"}, b"{}", 415),
        ({"Content-Encoding": "gzip"}, b"{}", 400),
        ({"Content-Encoding": "identity"}, b"{", 400),
        ({"Content-Encoding": "identity"}, b"{}", 422),
        ({"Content-Encoding": "identity"}, b"x" * (1 << 21), 413),
    ],
)
def test_bad_reports_are_refused_in_json_and_store_nothing(client, report_headers, headers, content, status):
    answer = client.post("/api/v1/reports", content=content, headers=report_headers | headers)
    assert answer.status_code == status
    assert set(answer.json()["error"]) >= {"code", "message"}
    assert client.collector.store.stored_after(0, 10) == []


def test_what_grew_is_read_back_with_services_and_workers(client, post, sender):
    worker, now = sender(service="shop/eu"), time.time()
    worker.started_at = now - 60
    for change in ({1: 1000}, {1: 640, 2: 64}):
        worker.acknowledged = post(client, worker.body(change, now)).json()["acknowledged"]
    (service,) = client.get("/api/v1/services").json()["services"]
    assert (service["service"], service["workers"], service["rss_bytes"]) == ("shop/eu", 1, int(1e8))
    sites = client.get("/api/v1/services/shop%2Feu/sites?window=1h&top=1").json()["sites"]
    assert [(site["site"]["line"], site["growth_bytes"], site["live_bytes"]) for site in sites] == [(1, 640, 1640)]
    assert sites[0]["site"]["frames"] == [{"file": "shop/app.py", "function": "remember", "line": 1, "in_app": True}]
    (told,) = client.get("/api/v1/services/shop/eu/workers").json()["workers"]
    assert (told["state"], told["slot"], told["generation"], told["requests"]) == ("alive", 1, 1, 20)


@pytest.mark.parametrize("query", ["window=soon", "window=0s", "window=999999999w", "top=0", "top=x"])
def test_bad_questions_are_refused_in_json(client, query):
    answer = client.get(f"/api/v1/services/shop/sites?{query}")
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == query.partition("=")[0]


def test_a_trace_request_comes_with_the_next_reply_until_it_is_answered(client, post, sender):
    worker, now = sender(), time.time()
    post(client, worker.body({1: 1}, now))
    number = client.post("/api/v1/services/shop/trace", json={"sample_bytes": 0}).json()["id"]
    worker.acknowledged = 1
    answer = post(client, worker.body({1: 1}, now)).json()
    assert answer["requests"] == [{"id": number, "kind": "trace", "sample_bytes": 0}]
    worker.acknowledged = 2
    answer = post(client, worker.body({1: 1}, now, answers=[{"id": number, "status": "done"}])).json()
    assert answer["requests"] == []


def test_events_are_stored_and_bad_ones_refused(client):
    assert client.post("/api/v1/events", json={"service": "shop", "release": "1.1"}).status_code == 201
    (event,) = client.collector.store.events("shop", None, 0, time.time() + 1)
    assert (event.kind, event.release) == ("deploy", "1.1")
    answer = client.post("/api/v1/events", json={"service": "shop", "colour": "red"})
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, "colour")
    assert client.post("/api/v1/events", content=b"{", headers={"Content-Type": "application/json"}).status_code == 400


def test_the_json_of_a_leak_has_the_stable_shape():
    told = leak_json(a_leak())
    assert list(told) == [
        *("id", "service", "environment", "kind", "status", "site", "types", "growth", "live_bytes", "survivor_bytes"),
        *("workers", "generations", "confidence", "first_seen", "last_seen", "release", "retention", "forecast"),
        *("advice", "evidence", "ceiling_bytes", "release_note"),
        *("retention_paths", "ages", "garbage_share", "diagnosis"),
    ]
    assert (told["site"]["file"], told["site"]["line"]) == ("shop/quotes.py", 41)
    assert [frame["in_app"] for frame in told["site"]["frames"]] == [False, True]
    unknown = dict.fromkeys(("bytes_per_request", "bytes_per_request_low", "bytes_per_request_high"))
    assert told["growth"] == {"bytes_per_hour": 1e6, "low": None, "high": 2e6, **unknown}
    assert (told["first_seen"], told["last_seen"]) == ("1970-01-01T00:00:00.000Z", "1970-01-01T00:00:01.500Z")
    assert told["types"] is told["retention"] is told["forecast"] is told["advice"] is None
    assert told["retention_paths"] is told["ages"] is told["garbage_share"] is told["diagnosis"] is None


def test_leaks_are_listed_shown_and_decided_on(client):
    remember(client, a_leak(), a_leak(id="other", status="muted"))
    assert [leak["id"] for leak in client.get("/api/v1/leaks?status=open").json()["leaks"]] == ["abc"]
    assert client.get("/api/v1/leaks/abc").json()["status"] == "open"
    for action, status in (("mute", "muted"), ("reopen", "open"), ("resolve", "resolved")):
        assert client.post(f"/api/v1/leaks/abc/{action}").json()["status"] == status
    for answer in (client.get("/api/v1/leaks/none"), client.post("/api/v1/leaks/none/resolve")):
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_leak")
    assert client.get("/api/v1/leaks?status=odd").status_code == 422


def test_metrics_tell_of_workers_leaks_and_reports(client, post, sender):
    post(client, sender().body({1: 1000}, time.time()))
    remember(client, a_leak())
    text = client.get("/metrics").text
    assert 'heaptide_reports_total{outcome="accepted"} 1.0' in text
    labels = 'environment="production",host="web-1",service="shop",slot="1"'
    assert f"heaptide_worker_rss_bytes{{{labels}}} 1e+08" in text
    assert 'heaptide_leak_growth_bytes_per_hour{environment="production",leak="abc"' in text


def test_health_fails_while_the_store_cannot_write(client):
    assert client.get("/healthz").json()["status"] == "ok"
    client.collector.store._writer._db.conn.execute("PRAGMA query_only = ON")
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["store"]["writable"]) == (503, False)
    client.collector.store._writer._db.conn.execute("PRAGMA query_only = OFF")
    assert client.get("/healthz").status_code == 200


def test_reports_are_refused_for_now_while_the_store_cannot_write(client, post, sender):
    client.collector.store._writer._db.conn.execute("PRAGMA query_only = ON")
    answer = post(client, sender().body({1: 1000}, time.time()))
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "store_unavailable")
    assert answer.headers["retry-after"] == "5"


def test_the_schema_names_the_paths(client):
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/api/v1/reports", "/api/v1/services", "/api/v1/leaks", "/api/v1/events", "/healthz"} <= set(paths)


def test_what_is_not_there_is_json_for_programs_and_a_page_for_people(client):
    assert client.get("/api/v1/nothing").json()["error"]["code"] == "not_found"
    assert client.put("/api/v1/services").json()["error"]["code"] == "method_not_allowed"
    page = client.get("/nothing")
    assert (page.status_code, page.headers["content-type"].partition(";")[0]) == (404, "text/html")
