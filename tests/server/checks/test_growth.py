"""What grows slowly: each fault, and what looks like it and isn't."""

from __future__ import annotations

import textwrap

import pytest

from heaptide_server.checks import growth, snippets
from heaptide_server.checks.causes import find_all
from heaptide_server.checks.rising import rise
from heaptide_server.model import Advice, Frame, Leak, Site

SETUP = {"server": "gunicorn", "workers": 2}
RISING = {"first": 10, "half": 2000, "last": 4000, "peak": 4000, "made": 3990, "requests": 5000, "looks": 20}


def leak(status: str = "open", max_requests: int | None = 12_000, service: str = "shop") -> Leak:
    return Leak(
        id="lk",
        service=service,
        environment="production",
        kind="site",
        status=status,
        site=Site(1, (Frame("shop/quotes.py", "remember", 41, True),)),
        type_name=None,
        bytes_per_hour=1e7,
        bytes_per_hour_low=1e7,
        bytes_per_hour_high=1e7,
        bytes_per_request=2048.0,
        live_bytes=1,
        survivor_bytes=None,
        workers=2,
        generations=3,
        confidence=0.99,
        first_seen=0.0,
        last_seen=0.0,
        release=None,
        evidence="It rose in each of 3 generations.",
        advice=Advice(max_requests, None if max_requests is None else 1800, "recycle"),
    )


def found(kinds, facts, make_worker, leaks=(), **more):
    return kinds(growth.find([make_worker(facts, **more)], list(leaks), 512 * 2.0**20))


@pytest.mark.parametrize(
    "row",
    [
        RISING | {"half": 3990},  # filled early
        RISING | {"last": 900, "half": 400, "peak": 900},  # small
        RISING | {"peak": 6000},  # goes up and down
        RISING | {"requests": 50},  # the start-up
        RISING | {"looks": 3},
        RISING | {"first": 3900, "half": 3950},  # a static table, and a little more
        {"last": 4000},
        {**RISING, "half": "many"},
        None,
    ],
)
def test_what_stopped_rising_or_is_small_or_young_doesnt_rise(row) -> None:
    assert rise(row, 1000) is None


def test_a_number_whose_second_half_rose_as_well_rises() -> None:
    risen = rise(RISING, 1000)
    assert risen is not None
    assert risen.sentence("web-1 pid 9") == "web-1 pid 9: 10 at first, 2,000 half-way, 4,000 now, 5,000 requests later."


@pytest.mark.parametrize(
    ("setup", "snippet"),
    [
        (
            {"server": "gunicorn", "workers": 2, "max_requests": 0},
            "gunicorn --max-requests 12000 --max-requests-jitter 1800",
        ),
        ({"server": "uvicorn", "workers": 2}, "uvicorn --limit-max-requests 12000 --limit-max-requests-jitter 1800"),
        ({"server": "uvicorn", "workers": 1}, "uvicorn alone would end and stay away"),
        ({"server": "hypercorn", "workers": 2}, "hypercorn --max-requests 12000 --max-requests-jitter 1800"),
        ({"server": "granian", "workers": 2}, "granian --workers-max-rss 409 --respawn-failed-workers"),
    ],
)
def test_an_open_leak_without_recycling_is_found_with_the_servers_own_options(make_worker, setup, snippet) -> None:
    (finding,) = growth.find([make_worker({"supervisor": setup})], [leak()], 512 * 2.0**20)
    assert (finding.kind, finding.severity) == ("no-recycling", "warning")
    assert finding.title == "shop/quotes.py:41 leaks 2,048 bytes a request, and no worker is ever recycled."
    assert snippet in finding.fix


@pytest.mark.parametrize(
    ("setup", "leaks"),
    [
        (SETUP | {"max_requests": 10_000}, [leak()]),
        (SETUP, [leak("suspect")]),
        (SETUP, [leak("resolved")]),
        (SETUP, [leak(max_requests=None)]),  # recycling wouldn't help
        (SETUP, []),
        ({}, [leak()]),  # its settings aren't known
        ({"server": "granian", "workers": 2, "max_rss_mib": 300}, [leak()]),
    ],
)
def test_recycling_isnt_asked_for_where_it_is_done_or_nothing_leaks(kinds, make_worker, setup, leaks) -> None:
    assert found(kinds, {"supervisor": setup}, make_worker, leaks) == {}


def test_clients_that_become_more_are_found_with_how_often_they_are_made(make_worker) -> None:
    row = {"library": "httpx", "type": "httpx.AsyncClient", **RISING, "requests": 4000}
    (finding,) = growth.find([make_worker({"clients": {"types": [row]}})], [], None)
    assert (finding.kind, finding.severity) == ("clients-not-closed", "warning")
    assert (
        finding.title
        == "4,000 httpx.AsyncClient are alive in one worker and aren't closed: each request makes a new one."
    )


def test_a_client_for_each_tenant_is_no_fault(kinds, make_worker) -> None:
    row = {"library": "httpx", "type": "httpx.Client", **RISING, "first": 30, "half": 30, "last": 30, "peak": 31}
    assert found(kinds, {"clients": {"types": [row]}}, make_worker) == {}


MADE = {
    "library": "httpx", "type": "httpx.AsyncClient", "first": 0, "half": 2500, "last": 5000, "peak": 5000, "made": 5000,
    "requests": 5000, "looks": 20, "looked": 300,
    "sites": [["shop/quotes.py", "quote", 41, 288], ["shop/rates.py", "rates", 7, 12]],
}  # fmt: skip


def test_clients_made_for_each_request_are_found_with_who_makes_them_and_one_for_the_apps_lifetime(make_worker) -> None:
    (finding,) = growth.find([make_worker({"constructions": {"types": [MADE]}})], [], None)
    assert (finding.kind, finding.severity) == ("clients-per-request", "warning")
    assert finding.title == (
        "5,000 httpx.AsyncClient were made in 5,000 requests, and thrown away: each request makes a new one."
    )
    assert finding.evidence[1] == "quote (shop/quotes.py:41) made 96% of them."
    assert "async with httpx.AsyncClient(timeout=10) as client:" in finding.fix


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (MADE | {"half": 250, "last": 500, "peak": 500}, {"clients-per-request": "warning"}),  # one in ten
        (MADE | {"half": 3, "last": 5, "peak": 5}, {}),  # one in a thousand requests
        (MADE | {"half": 75, "last": 150, "peak": 150}, {}),  # one in 33
        (MADE | {"half": 5000}, {}),  # all at the start
        (MADE | {"half": 1, "last": 1, "peak": 1}, {}),
        (MADE | {"half": 60, "last": 120, "peak": 120, "requests": 240}, {}),  # a job's, one each 30 s
        (MADE | {"looks": 3}, {}),
        (MADE | {"sites": 7}, {"clients-per-request": "warning"}),
        (MADE | {"sites": [["shop.py", "quote"], "shop"]}, {"clients-per-request": "warning"}),
        (MADE | {"last": "many"}, {}),
    ],
)
def test_clients_made_at_the_start_or_now_and_then_are_no_fault(kinds, make_worker, row, expected) -> None:
    assert found(kinds, {"constructions": {"types": [row]}}, make_worker) == expected


def test_clients_that_are_made_for_each_request_and_kept_are_one_finding_with_who_makes_them(make_worker) -> None:
    kept = {"library": "httpx", "type": "httpx.AsyncClient", **RISING}
    facts = {"clients": {"types": [kept]}, "constructions": {"types": [MADE]}}
    (finding,) = growth.find([make_worker(facts)], [], None)
    assert finding.kind == "clients-not-closed"
    assert "quote (shop/quotes.py:41) made 96% of them." in finding.evidence


@pytest.mark.parametrize(
    ("library", "kind", "line"),
    [
        ("httpx", "httpx.AsyncClient", "async with httpx.AsyncClient(timeout=10) as client:"),
        ("httpx", "httpx.Client", "    with httpx.Client(timeout=10) as client:"),
        ("httpx2", "httpx2.AsyncClient", "async with httpx2.AsyncClient(timeout=10) as client:"),
        ("aiohttp", "aiohttp.client.ClientSession", "async with aiohttp.ClientSession() as client:"),
        ("requests", "requests.sessions.Session", "LOCAL.session = requests.Session()"),
        ("urllib3", "urllib3.poolmanager.PoolManager", "HTTP = urllib3.PoolManager(maxsize=20)"),
    ],
)
def test_each_library_has_its_own_lines_and_they_are_python(library, kind, line) -> None:
    text = snippets.shared_client(library, kind)
    assert line in text
    pasted = "\n".join(each for each in text.splitlines() if each.startswith("    "))
    compile(textwrap.dedent(pasted), "pasted", "exec")


def test_caches_that_rise_are_found_with_their_hit_rate_and_a_bound(make_worker) -> None:
    rows = [
        {"name": "shop.quotes.price", "kind": "lru_cache(maxsize=None)", "hits": 30, "misses": 970, **RISING},
        {"name": "shop.SEEN", "kind": "dict", **RISING, "last": 3900, "peak": 3900},
    ]
    (finding,) = growth.find([make_worker({"caches": {"caches": rows}})], [], None)
    assert finding.kind == "unbounded-cache"
    assert "Its hit rate is 3%." in finding.evidence[1]
    assert finding.evidence[2] == "Others that rise: shop.SEEN."
    assert "lru_cache(maxsize=1024)" in finding.fix


def test_label_sets_that_rise_are_found_with_their_labels(make_worker) -> None:
    row = {"name": "http_requests", "labels": ["path", "status"], **RISING}
    (finding,) = growth.find([make_worker({"labels": {"metrics": [row]}})], [], None)
    assert finding.title == "The metric http_requests has 4,000 sets of labels, and they become more."
    assert "path, status" in finding.evidence[1]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({**RISING, "limit": 1_000_000, "kinds": {"socket": 3990}}, {"open-files": "warning"}),
        ({**RISING, "limit": 4096, "kinds": {"socket": 3990}}, {"open-files": "critical"}),
        ({**RISING, "half": 4000, "limit": 4096, "kinds": {}}, {"open-files": "critical"}),
        ({**RISING, "half": 4000, "limit": 1_000_000, "kinds": {}}, {}),  # many, and no more
        ({**RISING, "half": 4000, "limit": None, "kinds": {}}, {}),
    ],
)
def test_open_files_that_rise_or_near_their_limit_are_found(kinds, make_worker, facts, expected) -> None:
    assert found(kinds, {"files": facts}, make_worker) == expected


@pytest.mark.parametrize(
    ("facts", "pending", "expected"),
    [
        ({"enabled": False, "threshold": [700, 10, 10]}, 200_000.0, {"gc-off": "warning"}),
        ({"enabled": True, "threshold": [0, 10, 10]}, 200_000.0, {"gc-off": "warning"}),
        ({"enabled": False, "threshold": [700, 10, 10]}, 5_000.0, {}),  # off, and nothing gathers
        ({"enabled": True, "threshold": [50_000, 20, 100]}, 40_000.0, {}),  # seldom, as some advise
        ({"enabled": True, "threshold": [700, 10, 10]}, None, {}),
        ({"enabled": True, "threshold": [700, 10, 10], "garbage": 12, "types": [["shop.Node", 12]]}, 0.0,
         {"gc-uncollectable": "warning"}),
        ({"enabled": True, "threshold": [700, 10, 10], "garbage": 12, "saves_all": True}, 0.0,
         {"gc-keeps-garbage": "critical"}),
        ({"enabled": True, "threshold": "seldom", "types": 3}, 0.0, {}),
    ],
)  # fmt: skip
def test_the_garbage_collector_is_blamed_for_what_it_leaves(kinds, make_worker, facts, pending, expected) -> None:
    assert found(kinds, {"gc": facts}, make_worker, vitals={"gc_pending": pending}) == expected


@pytest.mark.parametrize(
    ("lifespan", "clients", "expected"),
    [
        ({"lifespan": False, "requests": True, "handles": None}, 0, {"lifespan-off": "warning"}),
        ({"lifespan": True, "requests": True, "handles": False}, 2, {"no-shutdown": "info"}),
        ({"lifespan": True, "requests": True, "handles": False}, 0, {}),  # it has nothing to close
        ({"lifespan": True, "requests": True, "handles": True}, 2, {}),
        ({"lifespan": True, "requests": True, "handles": None}, 2, {}),
        ({}, 2, {}),
    ],
)
def test_a_lifespan_is_missed_where_there_is_something_to_close(
    kinds, make_worker, lifespan, clients, expected
) -> None:
    facts = {"lifespan": lifespan, "clients": {"types": [{"type": "httpx.Client", "last": clients}]}}
    assert found(kinds, facts, make_worker) == expected


def test_workers_that_ended_grow_no_more(kinds, make_worker) -> None:
    row = {"name": "shop.SEEN", "kind": "dict", **RISING}
    assert found(kinds, {"caches": {"caches": [row]}}, make_worker, ended="final") == {}


def test_all_causes_together_put_the_worst_first(make_worker) -> None:
    facts = {
        "supervisor": {"server": "uvicorn", "workers": 1, "ancestors": []},
        "lifespan": {"lifespan": True, "handles": False},
        "clients": {"types": [{"type": "httpx.Client", "last": 1}]},
        "caches": {"caches": [{"name": "shop.SEEN", "kind": "dict", **RISING}]},
    }
    assert [one.severity for one in find_all([make_worker(facts)], [])] == ["critical", "warning", "info"]


def test_a_worker_of_an_older_agent_is_blamed_for_nothing(kinds, make_worker) -> None:
    assert kinds(find_all([make_worker({})], [leak()])) == {}
