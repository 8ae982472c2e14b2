"""The pages' addresses, over HTTP on a real store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from heaptide.wire import SITE_COLUMNS, pack
from heaptide_server.leaks.ledger import Changes, Ledger
from heaptide_server.model import Frame, Leak, Report, Site, WorkerIdentity
from heaptide_server.pages import router
from heaptide_server.store.sqlite import SqliteStore

NOW = 1_800_000_000.0
SERVICE = "team a/shop"
STACK = (Frame("shop/quotes.py", "remember", 41, True),)


def report(sequence: int, held: int) -> Report:
    first = sequence == 1
    return Report(
        worker=WorkerIdentity(
            "0" * 32, SERVICE, "production", "web-1", 10, NOW - 600, "2.5.0", "3.11.7", "0.1.0", None, 30.0
        ),
        base=sequence - 1, sequence=sequence, taken_at=NOW - 300 + 30 * sequence, elapsed_s=30.0, skew_s=0.0,
        final=False, requests=10, vitals={"rss_bytes": 1e8 + held * sequence, "limit_bytes": 2e8},
        tracer={"name": "exact"}, first_site=0 if first else 1, new_sites=[STACK] if first else [],
        site_changes=pack([0], {name: [held if name == "bytes" else 0] for name in SITE_COLUMNS}),
        first_type=0, new_types=[], type_changes=pack([], {"count": []}), agent={"cpu_s": 0.1}, answers=[],
    )  # fmt: skip


LEAK = Leak(
    "lk", SERVICE, "production", "site", "open", Site(1, STACK), "dict", 1e6, 9e5, 1.1e6, 205.0, 10**6, None, 1, 1,
    0.99, NOW - 300, NOW, "2.5.0", "Grew with every request.",
    {"suspect_looks": 2, "clear_looks": 0, "fired": True, "grown_bytes": 1e6, "quiet": False},
)  # fmt: skip


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    store, ledger = SqliteStore(tmp_path / "h.db"), Ledger(tmp_path / "h.db")
    store.migrate()
    ledger.migrate()
    for sequence in range(1, 10):
        store.append([report(sequence, 50_000)], NOW - 300 + 30 * sequence)
    ledger.update(SERVICE, "production", NOW, lambda _: Changes([LEAK], [], []))
    app = FastAPI()
    app.include_router(router(store, ledger, base_url="http://127.0.0.1:8787", clock=lambda: NOW))
    with TestClient(app, follow_redirects=False) as client:
        yield client
    store.close()


def test_a_service_with_a_slash_in_its_name_has_a_page(client: TestClient) -> None:
    assert "team%20a%2Fshop?environment=production" in client.get("/").text
    page = client.get("/services/team%20a%2Fshop?environment=production&window=1h")
    assert page.status_code == 200
    assert "shop/quotes.py:41" in page.text


def test_a_service_without_an_environment_shows_the_one_heard_of_last(client: TestClient) -> None:
    assert client.get("/services/team%20a%2Fshop").status_code == 200


@pytest.mark.parametrize(
    ("address", "status", "text"),
    [
        ("/services/nobody", 404, "No worker of &#39;nobody&#39;"),
        ("/services/team%20a%2Fshop?environment=moon", 404, "from this environment"),
        ("/services/team%20a%2Fshop?window=2y", 400, "window=2y is none of 15m, 1h"),
        ("/leaks/nothing", 404, "There is no leak &#39;nothing&#39;"),
        ("/leaks/lk?window=", 400, "Choose one of them"),
        ("/figures/leak?leak_id=nothing", 404, "There is no leak"),
    ],
)
def test_what_is_not_there_is_answered_with_a_page_that_says_so(
    client: TestClient, address: str, status: int, text: str
) -> None:
    page = client.get(address)
    assert page.status_code == status
    assert text in page.text


OF_SERVICE = "service=team+a%2Fshop&environment=production"


@pytest.mark.parametrize("figure", [f"rss?{OF_SERVICE}", f"growth?{OF_SERVICE}", "leak?leak_id=lk"])
def test_a_figure_has_what_was_reported(client: TestClient, figure: str) -> None:
    drawn = client.get(f"/figures/{figure}&window=15m").json()["data"]
    values = [value for value in drawn[0]["y"] if value is not None]
    assert len(values) > 2
    assert values[-1] - values[0] > 200_000


def test_a_leak_is_muted_through_the_ledger_and_its_page_follows(client: TestClient) -> None:
    answer = client.post("/leaks/lk/mute")
    assert (answer.status_code, answer.headers["location"]) == (303, "/leaks/lk")
    assert "Muted" in client.get("/leaks/lk").text


@pytest.mark.parametrize("action", ["resolve", "mute", "reopen", "diagnose"])
def test_nothing_can_be_done_to_a_leak_that_is_not_there(client: TestClient, action: str) -> None:
    assert client.post(f"/leaks/nothing/{action}").status_code == 404


def test_a_leak_that_nobody_can_look_into_says_why_on_a_page(client: TestClient) -> None:
    page = client.post("/leaks/lk/diagnose")
    assert page.status_code == 409
    assert "No living worker of &#39;team a/shop&#39; samples its allocations" in page.text
