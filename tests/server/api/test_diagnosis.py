"""A diagnosis over HTTP: asked for, answered with a report, told with the leak and in the webhook."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from heaptide_server.api.shapes import leak_json
from heaptide_server.leaks.ledger import Changes
from heaptide_server.leaks.states import Event
from heaptide_server.model import Leak


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[dict]]]:
    """A real webhook receiver: its address, and the bodies that it got."""
    bodies: list[dict] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", bodies
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def report(post):
    def _report(client, worker, changes, **options):
        answer = post(client, worker.body(changes, time.time(), **options))
        assert answer.status_code == 200, answer.text
        worker.acknowledged = answer.json()["acknowledged"]
        return answer.json()["requests"]

    return _report


def leak_of(client, line, **facts):
    site = next(site for site in client.collector.store.sites(range(100)).values() if site.top.line == line)
    values = {
        "id": "abc", "service": "shop", "environment": "production", "kind": "site", "status": "suspect", "site": site,
        "type_name": None, "bytes_per_hour": 1e6, "bytes_per_hour_low": 9e5, "bytes_per_hour_high": 1e7,
        "bytes_per_request": None, "live_bytes": 7, "survivor_bytes": None, "workers": 1, "generations": 1,
        "confidence": 0.9, "first_seen": 1.0, "last_seen": 2.0, "release": None, "evidence": "",
        "state": {"grown_bytes": 1.0, "fired": False},
    }  # fmt: skip
    return Leak(**values | facts)


def save(client, leak, *kinds):
    notices = [Event(kind, leak) for kind in kinds]
    client.collector.ledger.update("shop", "production", time.time(), lambda _known: Changes([leak], [], notices))


def until(found, timeout_s=10.0):
    deadline = time.monotonic() + timeout_s
    while not (value := found()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return value


def test_a_diagnosis_is_asked_for_answered_and_told_with_the_leak(client, report, sender, found):
    worker = sender(tracer="sampling")
    assert report(client, worker, {1: 1000, 2: 64}) == []
    save(client, leak_of(client, 1))
    answer = client.post("/api/v1/leaks/abc/diagnose")
    assert answer.status_code == 202
    (request,) = report(client, worker, {})
    assert request == {"id": answer.json()["id"], "kind": "diagnose", "sites": [0, 1], "by_hand": True, "source": True}
    assert client.get("/api/v1/leaks/abc").json()["diagnosis"] is None
    assert report(client, worker, {}, answers=[found(request["id"], 0, 1)]) == []

    (told,) = client.get("/api/v1/leaks").json()["leaks"]
    assert told == client.get("/api/v1/leaks/abc").json()
    assert told["types"] == [{"name": "shop.quotes.Quote", "share": 0.75}, {"name": "dict", "share": 0.25}]
    assert told["retention"] == [
        {"name": "shop.quotes._QUOTES", "type": "dict", "length": 48211},
        {"name": "[key]", "type": "shop.quotes.Quote", "length": None},
        {"name": "Quote.lines", "type": "list", "length": 3},
    ]
    (path,) = told["retention_paths"]
    assert (path["count"], path["bound"], path["held_from_c"]) == (374, None, False)
    assert told["ages"] == {"under_1_min": 20, "under_5_min": 41, "under_30_min": 60, "under_2_h": 0, "older": 80}
    assert (told["diagnosis"]["status"], told["diagnosis"]["reason"]) == ("done", None)
    assert (told["diagnosis"]["worker"]["host"], told["diagnosis"]["worker"]["pid"]) == ("web-1", 10)
    assert told["diagnosis"]["found_at"] == told["diagnosis"]["at"]
    assert client.post("/api/v1/leaks/abc/mute").json()["retention"] == told["retention"]


def test_source_is_told_by_the_api_and_kept_from_what_alerts_carry(client, report, sender, found):
    worker = sender(tracer="sampling")
    report(client, worker, {1: 1000})
    save(client, leak_of(client, 1))
    assert client.get("/api/v1/leaks/abc").json()["excerpts"] is None
    number = client.post("/api/v1/leaks/abc/diagnose").json()["id"]
    answer = found(number, 0)
    excerpt = {"file": "shop/app.py", "function": "remember", "line": 1, "first": 1, "lines": ["x = 1"], "note": ""}
    answer["sites"][0]["excerpts"] = [excerpt]
    report(client, worker, {}, answers=[answer])
    (told,) = client.get("/api/v1/leaks").json()["leaks"]
    assert told["excerpts"] == client.get("/api/v1/leaks/abc").json()["excerpts"] == [excerpt]
    assert "excerpts" not in leak_json(client.collector.ledger.leak("abc"))
    page = client.get("/leaks/abc").text
    assert 'aria-label="Source around shop/app.py, line 1"' in page


def test_a_refusal_is_told_with_its_reason(client, report, sender):
    worker = sender(tracer="sampling")
    report(client, worker, {1: 1000})
    save(client, leak_of(client, 1))
    number = client.post("/api/v1/leaks/abc/diagnose").json()["id"]
    report(client, worker, {}, answers=[{"id": number, "status": "refused", "reason": "too large to fork"}])
    told = client.get("/api/v1/leaks/abc").json()
    assert (told["diagnosis"]["status"], told["diagnosis"]["reason"]) == ("refused", "too large to fork")
    assert told["diagnosis"]["found_at"] is told["types"] is told["retention"] is None


def test_a_bad_answer_is_refused_with_its_report(client, report, post, sender, found):
    worker = sender(tracer="sampling")
    report(client, worker, {1: 1000})
    save(client, leak_of(client, 1))
    number = client.post("/api/v1/leaks/abc/diagnose").json()["id"]
    bad = found(number, 0) | {"surprise": 1}
    answer = post(client, worker.body({1: 1}, time.time(), answers=[bad]))
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, "answers.0.surprise")
    assert client.get("/api/v1/leaks/abc").json()["diagnosis"] is None


def test_who_cannot_be_asked_is_answered_in_json(client, report, sender):
    assert client.post("/api/v1/leaks/none/diagnose").json()["error"]["code"] == "unknown_leak"
    report(client, sender(tracer="exact"), {1: 1000})
    save(client, leak_of(client, 1))
    answer = client.post("/api/v1/leaks/abc/diagnose")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "nobody_to_ask")
    assert "HEAPTIDE_TRACER=sampling" in answer.json()["error"]["message"]


def test_a_suspect_is_asked_about_by_itself_and_the_firing_tells_what_was_found(
    collector, receiver, report, sender, found
):
    address, bodies = receiver
    client = collector(
        trend_interval_s=0.1, delivery_interval_s=0.1, webhook_url=address, webhook_allow_http=True,
        webhook_allow_nets="127.0.0.0/8", webhook_group_s=0,
    )  # fmt: skip
    worker = sender(tracer="sampling")
    report(client, worker, {1: 1000})
    leak = leak_of(client, 1)
    save(client, leak)
    (request,) = until(lambda: report(client, worker, {}))
    report(client, worker, {}, answers=[found(request["id"], 0)])
    save(client, replace(leak, status="open"), "leak.firing")
    assert until(lambda: bodies)
    (told,) = bodies[0]["data"]["leaks"]
    assert told["retention"][0] == {"name": "shop.quotes._QUOTES", "type": "dict", "length": 48211}
    assert told["types"][0] == {"name": "shop.quotes.Quote", "share": 0.75}


def test_workers_tell_what_their_resident_sets_are_made_of(client, report, sender):
    one, other, gone = (sender(key=key * 32, tracer="sampling") for key in "abc")
    vitals = {"malloc_free_bytes": 1e7}
    report(client, one, {1: 60_000_000}, vitals=vitals, rss_bytes=1e8)
    report(client, other, {1: 30_000_000}, vitals=vitals, rss_bytes=2e7)
    report(client, gone, {1: 1000}, final=True)
    told = client.get("/api/v1/services/shop/workers").json()
    by_key = [worker["resident"] for worker in sorted(told["workers"], key=lambda worker: worker["id"])]
    assert by_key[0] == {
        "rss_bytes": 1e8, "python_bytes": 6e7, "python_error_bytes": 0.0,
        "garbage_bytes": None, "garbage_error_bytes": None,
        "malloc_free_bytes": 1e7, "pymalloc_free_bytes": None, "native_bytes": 3e7,
    }  # fmt: skip
    assert by_key[1]["native_bytes"] == 0  # more is allocated than is resident
    assert by_key[2] is None
    assert (told["resident"]["rss_bytes"], told["resident"]["python_bytes"]) == (1.2e8, 9e7)


def test_garbage_and_what_pythons_own_allocator_keeps_free_are_told_and_added_up_with_their_errors(
    client, report, sender
):
    known = {"pymalloc_free_bytes": 5e6, "malloc_free_bytes": 1e6, "garbage_bytes": 2e6, "garbage_error_bytes": 3e5}
    for key, error_bytes in (("a", 3e5), ("b", 4e5)):
        vitals = known | {"garbage_error_bytes": error_bytes}
        report(client, sender(key=key * 32, tracer="sampling"), {1: 20_000_000}, vitals=vitals, rss_bytes=5e7)
    together = client.get("/api/v1/services/shop/workers").json()["resident"]
    assert (together["garbage_bytes"], together["garbage_error_bytes"]) == (4e6, 5e5)
    assert together["pymalloc_free_bytes"] == 1e7
    assert together["native_bytes"] == 2 * (5e7 - 2e7 - 5e6 - 1e6)


def test_what_python_took_before_the_tracer_began_is_no_native_memory(client, report, sender):
    vitals = {"pymalloc_used_bytes": 3e7, "pymalloc_free_bytes": 5e6}
    report(client, sender(tracer="sampling"), {1: 1_000_000}, vitals=vitals, rss_bytes=5e7)
    (worker,) = client.get("/api/v1/services/shop/workers").json()["workers"]
    assert (worker["resident"]["python_bytes"], worker["resident"]["native_bytes"]) == (3e7, 1.5e7)


def test_a_workers_census_says_how_it_is_spaced_out(client, post, sender):
    body = sender(tracer="sampling").body({1: 1000}, time.time())
    body["agent"]["census_spacing_s"] = 8.5
    assert post(client, body).status_code == 200
    (worker,) = client.get("/api/v1/services/shop/workers").json()["workers"]
    assert worker["cost"]["census_spacing_s"] == 8.5


def test_what_no_tracer_knows_is_null(client, report, sender):
    report(client, sender(tracer="off"), {}, rss_bytes=1e8)
    (worker,) = client.get("/api/v1/services/shop/workers").json()["workers"]
    assert worker["resident"]["rss_bytes"] == 1e8
    assert worker["resident"]["python_bytes"] is worker["resident"]["native_bytes"] is None
