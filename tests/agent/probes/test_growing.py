"""What grows in a worker: what each probe finds, and what it leaves alone."""

from __future__ import annotations

import gc
import os
import sys
from collections import deque
from types import ModuleType, SimpleNamespace

import pytest

from heaptide import middleware
from heaptide.probes.caches import Caches
from heaptide.probes.clients import Clients
from heaptide.probes.files import Files
from heaptide.probes.garbage import Garbage
from heaptide.probes.labels import Labels
from heaptide.probes.lifespan import Lifespan

SHOP = """
    import functools
    from collections import deque

    @functools.lru_cache(maxsize=None)
    def price(number):
        return number

    @functools.lru_cache(maxsize=5000)
    def bounded(number):
        return number

    class Basket:
        KNOWN = {number: "" for number in range(300)}

        @functools.lru_cache(maxsize=None)
        def total(self, number):
            return number

    RECENT = deque(range(1000), maxlen=1000)
    WAITING = deque(range(400))
    SMALL = {1: 2}
    for number in range(500):
        price(number), bounded(number), Basket().total(number)
"""


def names_of(probe: Caches) -> dict[str, int]:
    return {row["name"]: row["last"] for row in probe.facts()["caches"]}


def test_caches_and_globals_without_a_bound_are_told_by_name(write, seen) -> None:
    shop = write("shop_of_caches", SHOP)
    found = names_of(Caches(seen, lambda file: file == shop.__file__))
    assert found == {
        "shop_of_caches.price": 500,
        "shop_of_caches.Basket.total": 500,
        "shop_of_caches.WAITING": 400,
        "shop_of_caches.Basket.KNOWN": 300,
    }


def test_modules_of_libraries_are_left_alone(write, seen) -> None:
    write("shop_of_libraries", SHOP)
    assert names_of(Caches(seen, lambda file: False)) == {}


def test_a_cache_is_followed_by_its_requests_and_tells_its_hits(write, seen) -> None:
    shop = write("shop_that_grows", SHOP)
    probe = Caches(seen, lambda file: file == shop.__file__)
    probe._pace.due = lambda: True  # each look counts here, whatever it took on this machine
    for seen.requests in range(10, 110, 10):
        for number in range(seen.requests * 100, seen.requests * 100 + 100):
            shop.price(number)
        probe.facts()
    (row,) = [row for row in probe.facts()["caches"] if row["name"] == "shop_that_grows.price"]
    assert (row["first"], row["last"], row["requests"]) == (600, 1500, 90)
    assert (row["hits"], row["misses"]) == (0, 1500)


def test_what_is_no_module_in_the_list_of_modules_does_no_harm(seen) -> None:
    odd = [SimpleNamespace(), None, ModuleType("empty"), object()]
    assert Caches(seen, lambda file: True, lambda: odd).facts() == {"caches": []}


def test_clients_and_their_subclasses_are_counted_where_their_library_is_imported(seen, monkeypatch) -> None:
    kind = type("Client", (), {"__module__": "httpx"})
    own = type("ShopClient", (kind,), {"__module__": "shop.http"})
    monkeypatch.delitem(sys.modules, "httpx", raising=False)
    probe = Clients(seen)
    seen.counts = {"httpx.Client": 7, "shop.http.ShopClient": 2, "dict": 5}
    assert probe.facts() == {"types": []}
    monkeypatch.setitem(sys.modules, "httpx", SimpleNamespace(Client=kind, AsyncClient=None))
    assert {row["type"]: row["last"] for row in probe.facts()["types"]} == {
        "httpx.Client": 7,
        own.__module__ + ".ShopClient": 2,
    }
    seen.counts = None  # this count was skipped
    assert {row["type"]: row["looks"] for row in probe.facts()["types"]} == {
        "httpx.Client": 1,
        "shop.http.ShopClient": 1,
    }
    seen.counts = {"httpx.Client": 3}
    assert {row["type"]: (row["last"], row["peak"]) for row in probe.facts()["types"]} == {
        "httpx.Client": (3, 7),
        "shop.http.ShopClient": (0, 2),
    }


def test_label_sets_of_the_default_registry_are_counted(seen) -> None:
    prometheus = pytest.importorskip("prometheus_client")
    many = prometheus.Counter("probe_many", "Many", ["path"])
    few = prometheus.Counter("probe_few", "Few", ["method"])
    plain = prometheus.Counter("probe_plain", "None")
    try:
        for number in range(50):
            many.labels(path=str(number)).inc()
            few.labels(method="get").inc()
        rows = Labels(seen).facts()["metrics"]
    finally:
        for metric in (many, few, plain):
            prometheus.REGISTRY.unregister(metric)
    assert [(row["name"], row["labels"], row["last"]) for row in rows] == [("probe_many", ["path"], 50)]


def test_open_files_are_counted_by_kind_against_the_limit(seen, tmp_path) -> None:
    folder = tmp_path / "4711" / "fd"
    folder.mkdir(parents=True)
    targets = ["/srv/shop/log", "socket:[4026]", "socket:[4027]", "pipe:[99]", "anon_inode:[eventpoll]", "/dev/null"]
    for number, target in enumerate(targets):
        os.symlink(target, folder / str(number))
    facts = Files(seen, str(tmp_path), 4711, limit=lambda: 1024).facts()
    assert facts["kinds"] == {"file": 1, "socket": 2, "pipe": 1, "anon_inode": 1, "device": 1}
    assert (facts["last"], facts["limit"]) == (6, 1024)


def test_without_the_list_of_files_nothing_is_told(seen, tmp_path) -> None:
    assert Files(seen, str(tmp_path), 4711).facts() == {}


def test_the_garbage_collectors_state_is_told_as_it_is() -> None:
    before = gc.isenabled(), gc.get_threshold()
    gc.disable()
    gc.set_threshold(5000, 7, 7)
    gc.garbage.append(deque())
    try:
        facts = Garbage().facts()
    finally:
        gc.garbage.clear()
        gc.set_threshold(*before[1])
        if before[0]:
            gc.enable()
    assert (facts["enabled"], facts["threshold"], facts["saves_all"]) == (False, [5000, 7, 7], False)
    assert (facts["garbage"], facts["types"]) == (1, [("collections.deque", 1)])


def fastapi_app(lifespan: bool, routers: int):
    from contextlib import asynccontextmanager

    from fastapi import APIRouter, FastAPI

    @asynccontextmanager
    async def closing(app):
        yield

    app = FastAPI(lifespan=closing) if lifespan else FastAPI()
    for _ in range(routers):
        app.include_router(APIRouter())
    return app


@pytest.mark.parametrize("routers", [0, 3])
@pytest.mark.parametrize("lifespan", [True, False])
def test_an_apps_own_lifespan_is_told_from_the_default(monkeypatch, lifespan, routers) -> None:
    app = fastapi_app(lifespan, routers)
    noticed = SimpleNamespace(lifespan=True, request=True, app=lambda: app)
    monkeypatch.setattr(middleware, "NOTICED", noticed)
    assert Lifespan().facts() == {"lifespan": True, "requests": True, "handles": lifespan}


def test_before_any_message_of_asgi_nothing_is_told(monkeypatch) -> None:
    monkeypatch.setattr(middleware, "NOTICED", middleware.Noticed())
    assert Lifespan().facts() == {}


def test_a_name_that_only_says_it_is_a_class_is_left_alone(write, seen) -> None:
    shop = write(
        "shop_of_aliases", "from collections.abc import Callable\nHandler = Callable[..., int]\nNames = list[str]\n"
    )
    assert names_of(Caches(seen, lambda file: file == shop.__file__)) == {}
