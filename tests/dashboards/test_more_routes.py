"""The pages that compare, the collector's own, the files, and a mute until a growth, over HTTP on a real store."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn

from heaptide.wire import SITE_COLUMNS, pack
from heaptide_server import exporting
from heaptide_server.app import create_app
from heaptide_server.leaks.ledger import Changes
from heaptide_server.model import Frame, Leak, Report, Site, WorkerIdentity
from heaptide_server.settings import Settings

NOW = 1_800_000_000.0
SERVICE = "team a/shop"
STACK = (Frame("shop/quotes.py", "remember", 41, True), Frame("shop/app.py", "main", 3, True))
LEAK = Leak(
    "lk", SERVICE, "production", "site", "open", Site(1, STACK), "dict", 1e6, 9e5, 1.1e6, 205.0, 10**6, None, 1, 1,
    0.99, NOW - 300, NOW, "2.5.0", "Grew with every request.",
    {"suspect_looks": 2, "clear_looks": 0, "fired": True, "grown_bytes": 1e6, "quiet": False},
)  # fmt: skip


def report(sequence: int, at: float, key: str, release: str) -> Report:
    first = sequence == 1
    held = 70_000 if release == "2.5.0" else 10_000
    return Report(
        worker=WorkerIdentity(
            key, SERVICE, "production", "web-1", 10, at - 30, release, "3.11.7", "0.1.0", None, 30.0
        ),
        base=sequence - 1, sequence=sequence, taken_at=at, elapsed_s=30.0, skew_s=0.0, final=False, requests=10,
        vitals={"rss_bytes": 1e8, "limit_bytes": 2e8}, tracer={"name": "exact"}, first_site=0 if first else 1,
        new_sites=[STACK] if first else [],
        site_changes=pack([0], {name: [held if name == "bytes" else 0] for name in SITE_COLUMNS}),
        first_type=0, new_types=[], type_changes=pack([], {"count": []}),
        agent={"cpu_s": 0.1, "held_bytes": 2e6, "dropped_reports": 4}, answers=[],
    )  # fmt: skip


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    settings = Settings(db=tmp_path_factory.mktemp("c") / "h.db", trend_interval_s=86400.0)
    app = create_app(settings)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    collector, now = app.state.collector, time.time()
    for key, release, begins in (("a" * 32, "2.4.0", now - 7000), ("b" * 32, "2.5.0", now - 600)):
        for sequence in range(1, 20):
            at = begins + 30 * sequence
            collector.store.append([report(sequence, at, key, release)], at)
    collector.ledger.update(SERVICE, "production", now, lambda _: Changes([LEAK], [], []))
    port = server.servers[0].sockets[0].getsockname()[1]
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        yield client
    server.should_exit = True
    thread.join()


def get(client: httpx2.Client, path: str, **query: str) -> httpx2.Response:
    return client.get(path, params=query)


def test_two_windows_are_compared_and_the_choice_stands_in_the_form(client: httpx2.Client) -> None:
    page = get(client, "/compare", service=SERVICE, environment="production", window="15m", against="day")
    assert page.status_code == 200
    assert "<option selected>15m</option>" in page.text
    assert '<option value="day" selected>' in page.text
    assert "No worker reported in the 15m a day earlier" in page.text


def test_two_releases_are_compared_the_newest_with_the_one_before_it(client: httpx2.Client) -> None:
    page = get(client, "/compare", service=SERVICE, mode="releases").text
    assert page.index("release 2.4.0") < page.index("release 2.5.0")
    assert "A worker grows by" in page
    assert "more" in page.split("A worker grows by")[1][:40]
    assert "▲ main shop/app.py:3" in page
    turned = get(client, "/compare", service=SERVICE, mode="releases", release="2.4.0", base="2.5.0").text
    assert "less" in turned.split("A worker grows by")[1][:40]


def test_a_comparison_without_a_service_is_of_the_one_heard_of_last(client: httpx2.Client) -> None:
    assert get(client, "/compare").status_code == 200


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ({"service": "nobody"}, 404, "No worker of"),
        ({"service": SERVICE, "window": "2y"}, 400, "is none of 15m"),
        ({"service": SERVICE, "against": "tomorrow"}, 400, "is none of previous, day, week"),
        ({"service": SERVICE, "mode": "releases", "base": "9"}, 404, "No worker of release"),
    ],
)
def test_what_can_not_be_compared_is_said(client: httpx2.Client, query: dict[str, str], status: int, text: str) -> None:
    page = get(client, "/compare", **query)
    assert page.status_code == status
    assert text in page.text


def test_the_collectors_page_has_its_jobs_and_what_agents_cost(client: httpx2.Client) -> None:
    page = client.get("/health").text
    for job in ("reap", "rollup", "retention", "trends", "delivery"):
        assert f">{job} <small>" in page
    assert "merged away by agents" in page
    assert "sums of an hour" in page


def rows(answer: httpx2.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="team-a-shop-')
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_tables_come_as_files(client: httpx2.Client) -> None:
    of = {"service": SERVICE}
    (site,) = rows(get(client, "/export/sites.csv", **of))
    assert (site["where"], site["leak"]) == ("shop/quotes.py:41", "lk")
    assert int(site["growth_bytes"]) > 1_000_000
    assert [row["id"] for row in rows(get(client, "/export/leaks.csv", **of))] == ["lk"]
    assert {row["release"] for row in rows(get(client, "/export/workers.csv", **of))} == {"2.4.0", "2.5.0"}
    stacks = get(client, "/export/sites.collapsed", **of).text
    assert stacks == f"main (shop/app.py:3);remember (shop/quotes.py:41) {site['growth_bytes']}\n"


@pytest.mark.parametrize("file", ["sites.csv", "workers.csv", "sites.collapsed"])
def test_there_is_no_file_of_a_service_that_never_reported(client: httpx2.Client, file: str) -> None:
    assert get(client, f"/export/{file}", service="nobody").status_code == 404


def test_a_leak_is_muted_until_it_grows(client: httpx2.Client) -> None:
    page = client.post("/leaks/lk/mute", data={"grown_mib": "10"}, follow_redirects=True).text
    assert "until each worker has grown by 10\u00a0MiB more" in page
    assert "Muted for good" in client.post("/leaks/lk/mute", data={"grown_mib": ""}, follow_redirects=True).text
    assert "Muted for good" in client.post("/leaks/lk/mute", follow_redirects=True).text


@pytest.mark.parametrize("grown", ["-1", "0", "nan", "much", "1e99"])
def test_a_mute_until_nothing_sensible_is_refused(client: httpx2.Client, grown: str) -> None:
    answer = client.post("/leaks/lk/mute", data={"grown_mib": grown})
    assert answer.status_code == 422
    assert "is no number of MiB" in answer.text


def test_a_form_as_large_as_no_form_is_refused(client: httpx2.Client) -> None:
    assert client.post("/leaks/lk/mute", data={"grown_mib": "1" * 5000}).status_code == 413


def test_the_command_writes_a_file(client: httpx2.Client, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "heaptide", "export", "leaks", "--collector", str(client.base_url)]
    done = subprocess.run([*command, "--output", tmp_path / "l.csv"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "l.csv").read_text().splitlines()[1].startswith("lk,")


@pytest.mark.parametrize(
    ("kind", "service", "form", "status", "words"),
    [
        ("pages", "shop", "csv", 2, "'pages' is none of sites, leaks, workers"),
        ("sites", None, "csv", 2, "heaptide export sites SERVICE"),
        ("leaks", None, "collapsed", 2, "csv fits all, collapsed fits sites"),
        ("sites", "nobody", "csv", 1, "no worker of 'nobody' has reported there"),
    ],
)
def test_the_command_says_what_it_can_not_export(
    client: httpx2.Client, capsys: Any, kind: str, service: str | None, form: str, status: int, words: str
) -> None:
    assert exporting.export(str(client.base_url), kind, service, {}, form, None, None) == status
    assert words in capsys.readouterr().err


def test_the_command_says_that_nobody_answers(capsys: Any) -> None:
    assert exporting.export("http://127.0.0.1:9", "leaks", None, {}, "csv", None, None) == 1
    assert "doesn't answer" in capsys.readouterr().err
