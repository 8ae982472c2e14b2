"""A whole collector on a seeded store, and a real Chromium to look at it."""

from __future__ import annotations

import base64
import json
import math
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

from heaptide.wire import SITE_COLUMNS, pack
from heaptide_server.app import create_app
from heaptide_server.ingest.answers import Answer
from heaptide_server.leaks.ledger import Changes, Ledger
from heaptide_server.model import Advice, Event, Forecast, Frame, Leak, Report, Site, Suspect, WorkerIdentity
from heaptide_server.settings import Settings
from heaptide_server.store.sqlite import SqliteStore

NOW = float(int(time.time()))
HOUR_S = 3600.0
MIB = 1 << 20
INTERVAL_S = 60.0
LIFE_S = 80 * 60.0
HOSTILE = "<script>alert(1)</script>\u202egpj.exe\u0007 \N{ROCKET} \u05e9\u05dc\u05d5\u05dd"

REMEMBER = (
    Frame("shop/quotes.py", "remember", 41, True),
    Frame("shop/quotes.py", "quote", 27, True),
    Frame("fastapi/routing.py", "run_endpoint_function", 214, False),
    Frame("fastapi/routing.py", "app", 301, False),
    Frame("starlette/routing.py", "handle", 288, False),
    Frame("shop/app.py", "measure_time", 66, True),
    Frame("starlette/middleware/errors.py", "__call__", 165, False),
    Frame("uvicorn/protocols/http/h11_impl.py", "run_asgi", 403, False),
)
STACKS = (
    REMEMBER,
    (Frame("shop/catalogue.py", "cached_price", 88, True),),
    (Frame("shop/basket.py", "Basket.add", 132, True),),
    (Frame("sqlalchemy/engine/result.py", "_allrows", 548, False), Frame("shop/orders.py", "recent", 19, True)),
    (Frame("pydantic/main.py", "model_validate", 716, False),),
    (Frame("json/decoder.py", "raw_decode", 353, False),),
)


TYPES = ("dict", "shop.quotes.Quote", "list")


def held(kind: int, age_s: float) -> int:
    """Bytes that a worker holds of a kind at that age: a leak, a cache filling up, churn, and flat lines."""
    wobble = math.sin(age_s / 240 + kind)
    levels = (
        7.1 * MIB * age_s / HOUR_S,
        18 * MIB * (1 - math.exp(-age_s / 1500)),
        3 * MIB + 0.6 * MIB * wobble,
        2 * MIB + 0.3 * MIB * wobble + 0.2 * MIB * age_s / HOUR_S,
        1.2 * MIB + 0.1 * MIB * wobble,
        0.4 * MIB,
    )
    return int(levels[kind])


@dataclass
class Life:
    """One generation of a worker."""

    service: str
    slot: int
    started_at: float
    ends_at: float
    release: str
    stacks: tuple[tuple[Frame, ...], ...]
    first_kind: int = 0
    sequence: int = 0
    tracer: str = "exact"

    @property
    def pid(self) -> int:
        return 4100 + self.slot + int(self.started_at) % 997

    def report(self, at: float, limit_bytes: float | None, answers: list[dict[str, Any]] | None = None) -> Report:
        self.sequence += 1
        age_s, before_s = at - self.started_at, at - self.started_at - INTERVAL_S
        first = self.sequence == 1
        kinds = range(self.first_kind, self.first_kind + len(self.stacks))
        changes = [held(kind, age_s) - (0 if first else held(kind, before_s)) for kind in kinds]
        columns = {name: [0] * len(changes) for name in SITE_COLUMNS} | {"bytes": changes}
        if self.tracer == "sampling":
            columns["variance_kib2"] = [change // 2 for change in changes]  # of a sample each 512 KiB
        rss = 96 * MIB + sum(held(kind, age_s) for kind in kinds) * 1.3
        return Report(
            worker=WorkerIdentity(
                f"{hash((self.service, self.slot, self.started_at)) & (2**128 - 1):032x}", self.service, "production",
                "web-1", self.pid, self.started_at, self.release, "3.11.7",
                "0.1.0", "gunicorn", INTERVAL_S,
            ),
            base=self.sequence - 1, sequence=self.sequence, taken_at=at, elapsed_s=INTERVAL_S, skew_s=0.0,
            final=at + INTERVAL_S > self.ends_at, requests=1180,
            vitals={
                "rss_bytes": rss, "limit_bytes": limit_bytes, "malloc_free_bytes": 9.5 * MIB,
                "garbage_bytes": 2.5 * MIB, "garbage_error_bytes": 0.6 * MIB,
            },
            tracer={"name": self.tracer, "frames": 8, "sample_bytes": None, "traced_bytes": 1, "skipped": False},
            first_site=0 if first else len(self.stacks), new_sites=list(self.stacks) if first else [],
            site_changes=pack(range(len(changes)), columns),
            first_type=0 if first else len(TYPES), new_types=list(TYPES) if first else [],
            type_changes=pack([0, 1, 2], {"count": [310, 62, -1]}), agent={"cpu_s": 0.011 * age_s},
            answers=answers or [],
        )  # fmt: skip


def lives(
    service: str,
    slots: int,
    since: float,
    stacks: tuple[tuple[Frame, ...], ...],
    first_kind: int = 0,
    tracer: str = "exact",
) -> list[Life]:
    """Workers of a service, each recycled when its time is up, with a deploy in the middle."""
    found = []
    for slot in range(slots):
        start = since + 7 * INTERVAL_S * slot
        while start < NOW:
            release = "2.4.0" if start < NOW - 2.5 * HOUR_S else "2.5.0"
            found.append(Life(service, slot, start, start + LIFE_S, release, stacks, first_kind, tracer=tracer))
            start += LIFE_S
    return found


def seed(store: SqliteStore, everyone: list[Life], limit_bytes: float | None) -> None:
    at = min(life.started_at for life in everyone) + INTERVAL_S
    while at <= NOW:
        due = [life for life in everyone if life.started_at < at <= life.ends_at]
        store.append([life.report(at, limit_bytes) for life in due], at)
        at += INTERVAL_S


def leak(leak_id: str, service: str, status: str, site: Site, mib_per_hour: float, **facts: Any) -> Leak:
    values: dict[str, Any] = {
        "id": leak_id, "service": service, "environment": "production", "kind": "site", "status": status, "site": site,
        "type_name": "dict", "bytes_per_hour": mib_per_hour * MIB, "bytes_per_hour_low": mib_per_hour * 0.91 * MIB,
        "bytes_per_hour_high": mib_per_hour * 1.08 * MIB, "bytes_per_request": 205.0, "live_bytes": 17_900_000,
        "survivor_bytes": 16_200_000, "workers": 2, "generations": 7, "confidence": 0.9997, "first_seen": NOW - 9000,
        "last_seen": NOW - 20, "release": "2.4.0",
        "state": {"suspect_looks": 2, "clear_looks": 0, "grown_bytes": 1e7, "fired": True, "quiet": False},
        "evidence": "Grew in both workers and in each of 7 generations, 205 B with every request, and levelled off in "
        "none; the floor after each collection rises in step.",
    }  # fmt: skip
    return Leak(**(values | facts))


OUTLOOK: dict[str, Any] = {
    "bytes_per_request_low": 191.0,
    "bytes_per_request_high": 222.0,
    "forecast": Forecast(512.0 * MIB, NOW + 2.3 * HOUR_S, NOW + 1.6 * HOUR_S, NOW + 4.1 * HOUR_S),
    "advice": Advice(
        41_000,
        6_150,
        "Until it is fixed, recycle workers: --max-requests 41000 --max-requests-jitter 6150 keeps each one below 80% "
        "of its share of the limit.",
    ),
    "release_note": "The same leak since release 2.4.0.",
}


def fill(path: Path) -> None:
    store, ledger = SqliteStore(path), Ledger(path)
    store.migrate()
    ledger.migrate()
    shops = lives("shop", 2, NOW - 5.5 * HOUR_S, STACKS, tracer="sampling")
    seed(store, shops, 512 * MIB)
    store.add_event(Event(NOW - 2.5 * HOUR_S - 60, "deploy", "shop", "production", "2.5.0", ""))
    store.add_event(Event(NOW - 1.2 * HOUR_S, "config", "shop", None, None, "cache size doubled"))
    seed(store, lives("checkout", 1, NOW - 2 * HOUR_S, STACKS[2:], 2), None)
    strangers = lives(HOSTILE, 1, NOW - HOUR_S / 2, ((Frame(HOSTILE, "f" * 10_000, 1, True),),), tracer="sampling")
    seed(store, strangers, None)
    sites = {site.top: site for site in store.sites(range(20)).values()}
    hostile = store.top_growth(HOSTILE, None, NOW - 6 * HOUR_S, NOW, 1)[0].site
    filling = "Rises ever slower and fits a bound of about 18 MiB a worker."
    leaks = [
        leak("lk-quotes", "shop", "open", sites[REMEMBER[0]], 14.2, **OUTLOOK),
        leak(
            "lk-cache",
            "shop",
            "filling",
            sites[STACKS[1][0]],
            3.1,
            confidence=0.84,
            evidence=filling,
            ceiling_bytes=36.0 * MIB,
        ),
        leak("lk-orders", "shop", "suspect", sites[STACKS[3][1]], 0.4, confidence=0.93, bytes_per_request=None),
        leak("lk-old", "shop", "resolved", sites[STACKS[2][0]], 1.3),
        leak(
            "lk-hostile",
            HOSTILE,
            "open",
            hostile,
            1.5,
            evidence=HOSTILE * 5,
            type_name=HOSTILE,
            release=HOSTILE,
            release_note=HOSTILE,
        ),
    ]
    for found in leaks:
        ledger.update(found.service, "production", NOW, lambda _, found=found: Changes([found], [], []))
    explain(store, shops[-1], "lk-quotes", done(QUOTES_PATHS, QUOTES_SOURCE))
    explain(store, shops[-1], "lk-cache", done([], HOSTILE_SOURCE))
    explain(store, shops[-1], "lk-orders", {"status": "refused", "reason": TOO_LARGE})
    explain(store, strangers[-1], "lk-hostile", done([way((HOSTILE, HOSTILE, 3), (HOSTILE * 30, "t" * 9000, None))]))
    store.close()


def way(*hops: tuple[str, str, int | None], count: int = 3, bounds: tuple[int | None, ...] = ()) -> dict[str, Any]:
    told = [
        {"name": name, "type": type_name, "length": length, "bound": bound}
        for (name, type_name, length), bound in zip_longest(hops, bounds)
    ]
    return {"count": count, "hops": told}


TOO_LARGE = "forking this process of 2,310 MB is expected to stop it for 286 ms, and 100 ms are allowed"
QUOTES_PATHS = [
    way(
        ("shop.quotes._QUOTES", "dict", 48_211), ("[key]", "shop.quotes.Quote", None), ("Quote.lines", "list", 12),
        ("[index]", "dict", 5), count=187,
    ),
    way(
        ("shop.quotes.cached", "functools._lru_cache_wrapper", 500), ("[cached]", "shop.quotes.Quote", None), count=9,
        bounds=(500,),
    ),
    way(("held from C", "", None), ("[index]", "dict", 5), count=4),
]  # fmt: skip


SOURCE = """\
def quote(customer: str) -> Quote:
    found = _QUOTES.get(customer)
    if found is None:
        found = Quote(customer, prices.latest())
        remember(customer, found)
    return found


def remember(customer: str, quote: Quote) -> None:
    \"\"\"Keeps a quote for when the customer asks again, which few do: a comment as long as some of them are.\"\"\"
    key = (customer, quote.currency, quote.valid_until)
    _QUOTES[key] = quote
    log.debug("remembered %s", customer)


def forget(customer: str) -> None:
    _QUOTES.pop(customer, None)
""".splitlines()


def excerpt(file: str, function: str, line: int, first: int, lines: list[str], note: str = "") -> dict[str, Any]:
    return {"file": file, "function": function, "line": line, "first": first, "lines": lines, "note": note}


QUOTES_SOURCE = [
    excerpt("shop/quotes.py", "remember", 41, 36, SOURCE[6:17]),
    excerpt("shop/quotes.py", "quote", 27, 23, SOURCE[:9]),
    excerpt("shop/app.py", "measure_time", 66, 0, [], "the file was changed after this process started"),
]
HOSTILE_SOURCE = [excerpt("shop/catalogue.py", "cached_price", 88, 87, [HOSTILE, "y" * 10_000, "</pre>\0\n"])]


def done(paths: list[dict[str, Any]], excerpts: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    ages = {"under_1_min": 0.3, "under_5_min": 1.1, "under_30_min": 3.4, "under_2_h": 6.2, "older": 6.9}
    types = [("dict", 0.62), ("shop.quotes.Quote", 0.24), ("list", 0.139), (HOSTILE, 0.001)]
    site = {
        "site": 0, "types": [{"name": name, "share": share} for name, share in types], "retention": paths,
        "ages": {name: size * MIB for name, size in ages.items()}, "garbage_share": 0.04, "excerpts": excerpts,
    }  # fmt: skip
    return {"status": "done", "reason": None, "sites": [site]}


def explain(store: SqliteStore, life: Life, leak_id: str, answer: dict[str, Any]) -> None:
    """Has a worker asked and answer, by a report as it travels."""
    worker = next(one for one in store.workers(life.service, None, NOW - HOUR_S) if one.identity.pid == life.pid)
    request = store.request_diagnosis(worker.id, {leak_id: Suspect("suspect", (0,))}, False, NOW - 300)
    taken = Answer.model_validate({"id": str(request.id)} | answer).model_dump()
    assert store.append([life.report(NOW, None, [taken])], NOW)[0].outcome == "accepted"


def collector(path: Path) -> FastAPI:
    """The whole collector, its trend job asleep: it would judge the leaks that were put there by hand."""
    return create_app(Settings(db=path, base_url="http://127.0.0.1:8787", trend_interval_s=86400.0))


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a collector with three services."""
    path = tmp_path_factory.mktemp("seeded") / "heaptide.db"
    fill(path)
    app = collector(path)
    # Whoever was seeded reports no more; on a busy machine the tests take longer than that is waited for.
    app.state.collector.store.reap = lambda _now: []
    with served(app) as address:
        yield address


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[tuple[str, SqliteStore]]:
    """The address of a collector that has heard of nobody, and its store."""
    app = collector(tmp_path / "heaptide.db")
    with served(app) as address:
        yield address, app.state.collector.store


@pytest.fixture
def first_report() -> Report:
    """What a service that was just connected sends first."""
    return Life("shop", 0, NOW - INTERVAL_S, NOW + HOUR_S, "2.5.0", STACKS).report(NOW, None)


@dataclass
class Browser:
    """A Chromium that notes what it asks for and what it complains of."""

    driver: webdriver.Chrome

    def look(self, url: str, width: int = 1280, scheme: str = "light") -> None:
        """Opens a page in that width and system theme, and waits until its charts are drawn."""
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        self.driver.get(url)
        self.drawn()

    def drawn(self) -> None:
        """Waits until each part of the page has come and each chart is drawn."""
        self.until(
            "return document.readyState === 'complete'"
            " && [...document.querySelectorAll('[data-part]')].every(part => !part.innerText.includes('Adding up'))"
            " && [...document.querySelectorAll('.chart')].every(chart => chart.dataset.drawn)"
        )

    def until(self, script: str, timeout_s: float = 15.0) -> Any:
        """Waits until a script answers with something true."""
        return WebDriverWait(self.driver, timeout_s, 0.05).until(lambda driver: driver.execute_script(script))

    def ask(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def complaints(self) -> list[str]:
        """What stands in the console, violations of the policy among it."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requested(self) -> list[str]:
        """The addresses asked for since the last time."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]

    def picture(self, path: Path) -> None:
        """The whole page as a PNG file."""
        size = self.ask("return [innerWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1}
        shot = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True})
        path.write_bytes(base64.b64decode(shot["data"]))


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    binary, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if not binary or not chromedriver:
        pytest.skip("Chromium isn't installed: `make browser` as root installs Debian's chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    profile = tmp_path_factory.mktemp("profile")
    for flag in (
        "headless=new", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
        "disable-component-update", "disable-sync", "disable-dev-shm-usage", f"user-data-dir={profile}",
    ):  # fmt: skip
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=chromedriver))
    yield driver
    driver.quit()


@pytest.fixture
def browser(chromium: webdriver.Chrome) -> Browser:
    """A browser with clean notes."""
    browser = Browser(chromium)
    browser.driver.get("about:blank")
    browser.complaints()
    browser.requested()
    return browser
