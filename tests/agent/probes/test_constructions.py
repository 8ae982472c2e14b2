"""Constructions of HTTP clients are counted with who makes them, and nothing of the libraries is changed for it."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from heaptide.probes import MOST_BYTES, Seen
from heaptide.probes.constructions import HOOKS, MOST_ERRORS, MOST_SITES, Constructions, Made

Begin = Callable[[], Constructions]
LIBRARIES = [
    ("httpx", "Client"),
    ("httpx", "AsyncClient"),
    ("httpx2", "Client"),
    ("httpx2", "AsyncClient"),
    ("requests", "Session"),
]


class Client:
    """As a library would have it: with a constructor that takes any name of an argument."""

    def __init__(self, base_url: str = "", *, client: object = None, self_signed: bool = False) -> None:
        if base_url == "wrong":
            raise ValueError("no such address")
        self.told = (base_url, client, self_signed)


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    HOOKS.told = None
    HOOKS.release()


@pytest.fixture
def begin(seen: Seen) -> Begin:
    """A probe that has hooked what is imported."""

    def made() -> Constructions:
        probe = Constructions(seen, lambda file: (os.path.basename(file), file == __file__))
        assert probe.facts() == {"types": []}
        return probe

    return made


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", SimpleNamespace(Client=Client))


def quote(kind: type) -> object:
    return kind()


def only(probe: Constructions) -> dict[str, Any]:
    (row,) = probe.facts()["types"]
    return dict(row)


@pytest.mark.parametrize(("name", "kind"), LIBRARIES)
def test_each_librarys_clients_are_counted_with_who_makes_them(begin: Begin, seen: Seen, name: str, kind: str) -> None:
    client = getattr(pytest.importorskip(name), kind)
    probe = begin()
    for seen.requests in range(1, 6):
        quote(client)
    row = only(probe)
    assert (row["library"], row["type"], row["first"], row["last"]) == (name, f"{name}.{kind}", 0, 5)
    assert row["requests"] == 5
    line = quote.__code__.co_firstlineno + 1
    assert row["sites"] == [["test_constructions.py", "quote", line, 5]]


def test_sessions_of_aiohttp_are_counted_with_who_makes_them(begin: Begin) -> None:
    aiohttp = pytest.importorskip("aiohttp")
    probe = begin()

    async def rates() -> None:
        async with aiohttp.ClientSession():
            pass

    asyncio.run(rates())
    assert (only(probe)["type"], only(probe)["last"]) == ("aiohttp.ClientSession", 1)
    assert only(probe)["sites"][0][1].endswith("rates")


def test_a_client_that_a_library_makes_for_a_call_counts_for_the_call(begin: Begin, seen: Seen) -> None:
    requests = pytest.importorskip("requests")
    probe = begin()

    def rates() -> None:
        with pytest.raises(requests.exceptions.InvalidURL):
            requests.get("http://")

    rates()
    assert only(probe)["sites"][0][1].endswith("rates")


@pytest.mark.parametrize(("name", "kind"), LIBRARIES)
def test_a_hooked_class_looks_as_it_did_and_gets_its_own_constructor_back(begin: Begin, name: str, kind: str) -> None:
    client = getattr(pytest.importorskip(name), kind)
    own, signature = client.__init__, inspect.signature(client)
    probe = begin()
    assert client.__init__ is not own
    assert inspect.signature(client) == signature
    assert (client.__init__.__name__, client.__init__.__doc__) == (own.__name__, own.__doc__)
    probe.stop()
    assert client.__init__ is own


@pytest.mark.usefixtures("library")
def test_arguments_and_errors_pass_through(begin: Begin) -> None:
    begin()
    assert Client("there", client=3, self_signed=True).told == ("there", 3, True)
    with pytest.raises(ValueError, match="no such address"):
        Client("wrong")
    with pytest.raises(TypeError, match="unknown"):
        Client(unknown=1)  # type: ignore[call-arg]


@pytest.mark.usefixtures("library")
def test_a_constructor_that_somebody_wrapped_meanwhile_stays_wrapped_and_counts_no_more(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = begin()
    ours = Client.__init__
    monkeypatch.setattr(Client, "__init__", lambda client, *words: ours(client, *words))
    theirs = Client.__init__
    probe.stop()
    assert Client.__init__ is theirs
    Client()
    assert begin().facts() == {"types": []}
    monkeypatch.undo()


@pytest.mark.usefixtures("library")
def test_a_construction_counts_once_for_the_newest_probe(begin: Begin) -> None:
    older, newer = begin(), begin()
    quote(Client)
    older.stop()  # which doesn't switch the newest off
    quote(Client)
    assert older.facts() == {"types": []}
    assert only(newer)["last"] == 2


@pytest.mark.usefixtures("library")
def test_a_subclass_that_stands_in_a_hooked_class_place_counts_once(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = begin()
    watched = type("Watched", (Client,), {})
    monkeypatch.setattr(sys.modules["httpx"], "Client", watched)
    probe.facts()
    quote(watched)
    assert only(probe)["last"] == 1


@pytest.mark.usefixtures("library")
def test_a_forked_child_counts_with_a_probe_of_its_own(begin: Begin) -> None:
    begin()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            probe = begin()
            quote(Client)
            status = 0 if only(probe)["last"] == 1 else 1
        finally:
            os._exit(status)  # whatever happens: what would go on here is another whole run of the tests
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.usefixtures("library")
def test_counting_that_fails_lets_the_app_go_on_and_is_given_up(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, swallowed: list[Exception]
) -> None:
    def fail(*_: object) -> None:
        raise LookupError("made to fail")

    begin()
    monkeypatch.setattr(Made, "made_by", fail)
    for _ in range(MOST_ERRORS * 17 * 2):
        quote(Client)
    assert len(swallowed) == MOST_ERRORS
    swallowed.clear()


@pytest.mark.usefixtures("library")
def test_clients_made_in_a_thousand_places_take_bounded_room(begin: Begin) -> None:
    probe = begin()
    source = "".join(f"def {'längst_' * 14}{number}(): return Client()\n" for number in range(1000))
    names: dict[str, Any] = {"Client": Client}
    exec(compile(source, __file__, "exec"), names)
    for name in [name for name in names if name.startswith("l")]:
        names[name]()
    row = only(probe)
    assert (row["last"], len(row["sites"])) == (1000, MOST_SITES)
    assert len(json.dumps(probe.facts())) < MOST_BYTES


@pytest.mark.usefixtures("library")
def test_of_many_constructions_a_part_is_looked_at_and_the_one_that_makes_most_is_first(begin: Begin) -> None:
    def seldom() -> object:
        return Client()

    probe = begin()
    for number in range(3000):
        quote(Client) if number % 3 else seldom()
    row = only(probe)
    assert (row["last"], row["looked"]) == (3000, 20 + 3000 // 17 - 1)
    shares = [times / row["looked"] for *_, times in row["sites"]]
    assert [function.rpartition(".")[2] for _, function, _, _ in row["sites"]] == ["quote", "seldom"]
    assert shares == pytest.approx([2 / 3, 1 / 3], abs=0.03)


def test_a_library_that_is_imported_later_is_hooked_then(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    probe = begin()
    monkeypatch.setitem(sys.modules, "httpx", SimpleNamespace(Client=Client))
    quote(Client)
    probe.facts()
    quote(Client)
    assert only(probe)["last"] == 1
