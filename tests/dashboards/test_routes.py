"""The pages' addresses, over HTTP on a real store."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

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
        first_type=0 if first else 1, new_types=["shop.quotes.Quote"] if first else [],
        type_changes=pack([0], {"count": [7]}), agent={"cpu_s": 0.1}, answers=[],
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
        ("/services/team%20a%2Fshop?metric=gold", 400, "metric=gold is none of rss, pss"),
        ("/services/team%20a%2Fshop?top=9999", 400, "top=9999 is none of 3, 5, 8"),
        ("/services/team%20a%2Fshop?worker=web-1", 400, "must be a host and a number"),
        ("/services/team%20a%2Fshop?worker=web-1/99999999999999999999", 400, "must be a host and a number"),
        ("/services/team%20a%2Fshop?site=-1", 400, "must be a site&#39;s number"),
        ("/parts/gold?service=a&environment=b", 404, "There is no part &#39;gold&#39;"),
    ],
)
def test_what_is_not_there_is_answered_with_a_page_that_says_so(
    client: TestClient, address: str, status: int, text: str
) -> None:
    page = client.get(address)
    assert page.status_code == status
    assert text in page.text


OF_SERVICE = "service=team+a%2Fshop&environment=production"


def figure_of(part: str) -> dict[str, Any]:
    (text,) = re.findall(r"data-plot='([^']*)'", part)
    figure: dict[str, Any] = json.loads(html.unescape(text))
    return figure


def test_a_leaks_figure_has_what_was_reported(client: TestClient) -> None:
    traces = client.get("/figures/leak?leak_id=lk&window=15m").json()["data"]
    (drawn,) = (trace for trace in traces if trace["meta"]["role"] == "area")
    assert drawn["y"][-1] - drawn["y"][0] > 200_000


@pytest.mark.parametrize(
    "asked",
    ["vital", "made", "growth", "growth&per=worker", "growth&x=age", "growth&x=age&per=worker", "growth&site=1"],
)
def test_a_part_has_what_was_reported(client: TestClient, asked: str) -> None:
    name, _, chosen = asked.partition("&")
    part = client.get(f"/parts/{name}?{OF_SERVICE}&window=15m&{chosen}")
    assert part.status_code == 200
    drawn = [trace for trace in figure_of(part.text)["data"] if trace["meta"]["role"] in ("series", "part")]
    values = [value for value in drawn[0]["y"] if value is not None]
    assert len(values) > 2
    assert values[-1] - values[0] > 200_000
    assert "<html" not in part.text


@pytest.mark.parametrize("chosen", ["worker=web-1/1", "release=old"])
def test_lines_per_worker_are_those_of_the_workers_that_were_chosen_and_no_other_is_left_out(
    tmp_path: Path, chosen: str
) -> None:
    store, ledger = SqliteStore(tmp_path / "h.db"), Ledger(tmp_path / "h.db")
    store.migrate()
    ledger.migrate()
    for sequence in range(1, 10):
        told = [report(sequence, 50_000 * (number + 1)) for number in range(20)]
        store.append(
            [
                replace(one, worker=replace(one.worker, key=f"{n:032x}", pid=n, release="old" if n == 0 else "new"))
                for n, one in enumerate(told)
            ],
            NOW - 300 + 30 * sequence,
        )
    app = FastAPI()
    app.include_router(router(store, ledger, base_url="", clock=lambda: NOW))
    with TestClient(app) as client:
        asked = f"/parts/growth?{OF_SERVICE}&window=15m&per=worker"
        assert "4\u00a0more workers that hold less left out" in client.get(asked).text
        part = client.get(f"{asked}&{chosen}").text
    store.close()
    (line,) = (trace for trace in figure_of(part)["data"] if trace["meta"]["role"] == "series")
    assert line["y"][-1] == 8 * 50_000
    assert "left out" not in part


def test_types_are_listed_by_their_growth(client: TestClient) -> None:
    part = client.get(f"/parts/types?{OF_SERVICE}&window=15m").text
    assert "shop.quotes.Quote" in part
    assert "+56" in part  # 7 with each report but the first


@pytest.mark.parametrize("chosen", ["worker=web-1/1", "release=2.5.0"])
def test_a_part_is_narrowed_to_a_worker_or_a_release(client: TestClient, chosen: str) -> None:
    assert "shop/quotes.py:41" in client.get(f"/parts/growth?{OF_SERVICE}&{chosen}").text
    other = chosen.replace("1", "9").replace("2.5", "9.9")
    assert "No site has grown" in client.get(f"/parts/growth?{OF_SERVICE}&{other}").text


def test_what_is_chosen_of_a_service_narrows_its_workers_but_not_its_verdict(client: TestClient) -> None:
    page = client.get("/services/team%20a%2Fshop?worker=web-9/1").text
    assert "No worker is reporting now" in page
    assert "1\u00a0leak, " in page


def test_a_metric_that_nobody_tells_says_so(client: TestClient) -> None:
    assert "No worker tells this of itself" in client.get(f"/parts/vital?{OF_SERVICE}&metric=files").text


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


def test_without_a_configured_address_the_first_visit_shows_the_one_that_the_reader_used(tmp_path: Path) -> None:
    store, ledger = SqliteStore(tmp_path / "empty.db"), Ledger(tmp_path / "empty.db")
    store.migrate()
    ledger.migrate()
    app = FastAPI()
    app.include_router(router(store, ledger, base_url=None))
    with TestClient(app, base_url="http://heap.internal:8787") as client:
        assert "<b>http://heap.internal:8787</b>" in client.get("/").text
    store.close()
