"""Event loops of both kinds, with a watch beside them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import uvloop

from heaptide.gate import Gate
from heaptide.probes.blocking import BlockingProbe

Main = Callable[[BlockingProbe], Awaitable[None]]


@pytest.fixture
def probe() -> Iterator[BlockingProbe]:
    found = BlockingProbe(Gate())
    yield found
    found.stop()


@pytest.fixture(params=["asyncio", "uvloop"])
def watched(request: pytest.FixtureRequest, probe: BlockingProbe) -> Callable[[Main], dict[str, Any]]:
    """Runs a coroutine function in a loop that the watch has found, and returns the facts after it."""

    def run(main: Main) -> dict[str, Any]:
        async def whole() -> None:
            deadline = time.monotonic() + 20
            while not probe.facts():
                assert time.monotonic() < deadline, "the watch didn't find the loop"
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.1)
            await main(probe)
            await asyncio.sleep(0.15)

        (asyncio.run if request.param == "asyncio" else uvloop.run)(whole())
        return probe.facts()

    return run
