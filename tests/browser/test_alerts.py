"""The alerts page in a real browser: with targets that fare well and badly, and before there is any."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from heaptide_server.alerts.sample import Announcement, sample_pair
from heaptide_server.app import create_app
from heaptide_server.model import Frame, Site
from heaptide_server.settings import Settings
from heaptide_server.store.connections import connect, transaction

pytestmark = pytest.mark.browser

HOSTILE = "<script>alert(1)</script>\u202egpj.exe \N{ROCKET} " + "f" * 300
PLACES = [
    ("shop/quotes.py", "remember", 41),
    ("shop/catalogue.py", "cached_price", 88),
    ("shop/basket.py", "Basket.add", 132),
    ("shop/orders.py", "recent", 19),
]


class Receiver(ThreadingHTTPServer):
    """Answers as its path says: /200, /500, ..."""

    def __init__(self) -> None:
        self.arrived: list[dict[str, Any]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                server.arrived.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                status = int(self.path[1:4])
                body = b'{"ok":true}' if status < 300 else f"<h1>{status}</h1> {HOSTILE}".encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Keeps the tests' output clean."""

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def targets(port: int) -> str:
    common = f'url = "http://127.0.0.1:{port}/%s"\nallow_nets = ["127.0.0.0/8"]\n'
    return (
        f'[[target]]\nname = "ops"\n{common % 200}'
        f'[[target]]\nname = "payments"\nformat = "slack"\nservices = ["payments", "checkout-*"]\n'
        f'environments = ["production"]\n{common % 200}'
        f'[[target]]\nname = "pager"\nformat = "pagerduty"\nsecret = "key"\nkinds = ["site"]\n{common % 500}'
        f'[[target]]\nname = "old"\nformat = "alertmanager"\n{common % 410}'
    )


@pytest.fixture
def alerts(tmp_path: Path, receiver: Receiver) -> Iterator[str]:
    """The address of a collector that has told of some leaks."""
    file = tmp_path / "targets.toml"
    file.write_text(targets(receiver.server_port))
    settings = Settings(db=tmp_path / "heaptide.db", webhook_file=file, delivery_interval_s=3600.0)
    app = create_app(settings)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    tell(app.state.collector, settings.db)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def tell(collector: Any, db_path: Path) -> None:
    courier, now = collector.desk()._courier, time.time() - 7200
    sample = sample_pair(now)[0].leak

    def leak(leak_id: str, service: str, place: tuple[str, str, int]) -> Any:
        site = Site(1, (Frame(place[0], place[1], place[2], True),))
        return type(sample)(
            **{**vars(sample), "id": leak_id, "service": service, "environment": "production", "site": site}
        )

    def enqueue(at: float, kind: str, *leaks: Any) -> None:
        with connect(db_path) as db, transaction(db):
            courier.enqueue(db, [Announcement(kind, one) for one in leaks], at)

    shop = [leak(f"l{number}", "shop", place) for number, place in enumerate(PLACES)]
    hostile = leak("lh", HOSTILE, (HOSTILE, HOSTILE, 1))
    enqueue(now, "leak.firing", *shop)
    courier.deliver_due(now + 60)
    for attempt in range(7):
        courier.deliver_due(now + 100 + 100_000 * attempt)
    enqueue(now + 3600, "leak.firing", hostile)
    courier.deliver_due(now + 3700)
    enqueue(now + 7190, "leak.resolved", shop[0])


def kept_picture(browser: Any, name: str) -> None:
    if folder := os.environ.get("HEAPTIDE_PICTURES"):
        browser.picture(Path(folder) / f"{name}.png")


def press(browser: Any, word: str, number: int = 0) -> None:
    browser.ask(
        "[...document.querySelectorAll('main button')].filter(b => b.innerText === arguments[0])[arguments[1]].click()",
        word,
        number,
    )


@pytest.mark.parametrize("width", [1280, 380])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_targets_and_log_stay_within_policy_and_width(browser: Any, alerts: str, width: int, scheme: str) -> None:
    browser.look(f"{alerts}/alerts", width, scheme)
    for number, words in ((0, "Test passed"), (2, "Test failed")):
        press(browser, "Test", number)
        browser.until(f"return document.body.innerText.includes('{words}')")
    kept_picture(browser, f"alerts-{scheme}-{width}")
    assert browser.complaints() == []
    assert [url for url in browser.requested() if not url.startswith((f"{alerts}/", "data:", "about:"))] == []
    assert browser.ask("return document.documentElement.scrollWidth") <= width
    assert "T0K3N" not in browser.ask("return document.documentElement.outerHTML")


def test_a_test_is_sent_and_its_answer_survives_the_pages_refresh(
    browser: Any, alerts: str, receiver: Receiver
) -> None:
    browser.look(f"{alerts}/alerts")
    before = len(receiver.arrived)
    press(browser, "Test")
    browser.until("return document.querySelector('.trial') !== null")
    assert [body["type"] for body in receiver.arrived[before:]] == ["leak.test", "leak.test"]
    browser.ask(
        "document.addEventListener('heaptide:updated', () => { window.refreshed = true });"
        "document.getElementById('page').dispatchEvent(new CustomEvent('heaptide:refresh'))"
    )
    browser.until("return window.refreshed")
    assert "Test passed" in browser.ask("return document.querySelector('.trial').innerText")


def test_a_dead_delivery_is_replayed_by_its_button(browser: Any, alerts: str) -> None:
    browser.look(f"{alerts}/alerts")
    dead = browser.ask("return document.querySelectorAll('.deliveries tbody .tone-bad').length")
    press(browser, "Replay")
    browser.until(f"return document.querySelectorAll('.deliveries tbody .tone-bad').length === {dead - 1}")


@pytest.mark.parametrize("width", [1280, 380])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_without_a_target_the_page_says_how_to_configure_one(browser: Any, empty: Any, width: int, scheme: str) -> None:
    browser.look(empty[0], width, scheme)
    browser.ask("document.querySelector('.beside a').click()")
    browser.until("return location.pathname === '/alerts' && document.querySelector('.samples')")
    kept_picture(browser, f"no-alerts-{scheme}-{width}")
    assert "HEAPTIDE_WEBHOOK_URL" in browser.ask("return document.querySelector('.paste').innerText")
    assert browser.ask("return document.documentElement.scrollWidth") <= width
    assert browser.complaints() == []
