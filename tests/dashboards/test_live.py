"""The stream that tells open pages of reports."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, cast

import anyio
from sse_starlette import ServerSentEvent

from heaptide_server.pages import live
from heaptide_server.store.protocol import Store


class Heard:
    """A store of which one thing is asked; each answer is given once, the last for ever."""

    def __init__(self, *answers: tuple[float, int]) -> None:
        self._answers = list(answers)
        self.asked: list[Any] = []

    def heard(self, service: str | None, environment: str | None) -> tuple[float, int]:
        self.asked.append((service, environment))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


async def first(events: AsyncIterator[ServerSentEvent], number: int) -> list[ServerSentEvent]:
    with anyio.fail_after(5):
        return [await anext(events) for _ in range(number)]


def told(store: Heard, number: int, alive_every_s: float = 60.0) -> list[tuple[str | None, Any]]:
    events = live._events(cast(Store, store), "shop", "production", 0.001, alive_every_s)
    return [(event.event, event.data) for event in anyio.run(first, events, number)]


def test_a_page_hears_at_once_how_things_stand_and_then_of_every_change() -> None:
    store = Heard((10.0, 1), (10.0, 1), (12.5, 1), (12.5, 0))
    found = [(kind, json.loads(data)) for kind, data in told(store, 3)]
    assert found == [
        ("changed", {"heard": 10.0, "workers": 1}),
        ("changed", {"heard": 12.5, "workers": 1}),
        ("changed", {"heard": 12.5, "workers": 0}),
    ]
    assert store.asked[0] == ("shop", "production")


def test_a_quiet_stream_says_that_it_is_alive() -> None:
    assert [kind for kind, _ in told(Heard((10.0, 1)), 3, alive_every_s=0.01)] == ["changed", "alive", "alive"]
