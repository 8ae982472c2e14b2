"""The watch names who blocks a real loop, leaves an idle one alone, and keeps nothing of the app alive."""

from __future__ import annotations

import asyncio
import gc
import heapq
import random
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from heaptide.gate import Gate
from heaptide.probes.blocking import BlockingProbe
from heaptide.probes.blocking.loops import Attached, Position
from heaptide.probes.blocking.watch import SLOWEST_TICK_S, TICK_S, Watch

STALLS = 8  # of each kind; `tests.bench.blocking` injects a hundred, and shorter ones


def sleeps(seconds: float) -> None:
    time.sleep(seconds)


def computes(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        sum(range(50))


def waits_for_a_lock(seconds: float) -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire(timeout=seconds)


@pytest.mark.parametrize("blocker", [sleeps, computes, waits_for_a_lock], ids=lambda f: f.__name__)
def test_nearly_every_stall_is_named_by_its_function(watched: Callable[..., dict[str, Any]], blocker: Any) -> None:
    draw = random.Random(1)

    async def main(_: BlockingProbe) -> None:
        for _ in range(STALLS):
            blocker(draw.uniform(0.15, 0.3))
            await asyncio.sleep(draw.uniform(0.1, 0.15))

    facts = watched(main)
    named = {row["function"]: row for row in facts["blockers"]}
    assert named[blocker.__name__]["count"] >= STALLS - 1
    assert named[blocker.__name__]["file"].endswith("test_watch.py")


def test_a_c_call_that_never_lets_go_of_the_gil_is_named_too(watched: Callable[..., dict[str, Any]]) -> None:
    def holds_the_gil() -> None:
        until = time.thread_time() + 0.3
        while time.thread_time() < until:
            sum(range(3_000_000))

    async def main(_: BlockingProbe) -> None:
        for _ in range(3):
            holds_the_gil()
            await asyncio.sleep(0.05)

    functions = [row["function"] for row in watched(main)["blockers"]]
    assert any(function.endswith("holds_the_gil") for function in functions)


def test_a_loop_that_waits_or_takes_short_steps_blocks_nobody(watched: Callable[..., dict[str, Any]]) -> None:
    async def steps() -> None:
        for _ in range(200):
            sum(range(2000))
            await asyncio.sleep(0.001)

    async def main(_: BlockingProbe) -> None:
        await asyncio.gather(steps(), asyncio.to_thread(sleeps, 0.3), asyncio.sleep(0.3))

    facts = watched(main)
    assert facts["blockers"] == []


class GoesOn(Attached):
    """A crowded loop that goes on to its next short step when the watch reads its times, and so lets go of the GIL."""

    def __init__(self, began: float) -> None:
        self.ident = threading.get_ident()
        self.thread_limiter = self.answered_at = None
        self.tells, self._idle = True, frozenset()
        self.began = began
        self.steps = ["another", "one", "one"]

    def busy(self, frame: object) -> bool:
        return self.answered_at is None

    def position(self, frame: object, guess: float) -> Position:
        return Position(self.began, self.steps[0], first=None)

    def learn_limiter(self) -> None:
        """It has none."""

    def beat(self) -> None:
        """It comes to that just before the last of its steps."""

    def times(self) -> tuple[float, float]:
        self.steps = self.steps[1:] or self.steps
        if len(self.steps) == 1:
            self.answered_at = self.began + 0.08
        return 0.0, 0.0


def test_what_is_seen_of_a_loop_is_of_one_moment(probe: BlockingProbe) -> None:
    probe.stop()
    watch, now = Watch(lambda file: (file, True), Gate()), time.monotonic()
    loop = GoesOn(now - 0.04)
    watch._paced_at = now
    for _ in range(3):
        watch._tick(loop, time.monotonic())
    assert (watch.totals.crowded, watch.totals.crowded_s) == (1, pytest.approx(0.08))
    assert watch.blockers.facts() == []


def test_plain_callbacks_that_are_short_block_nobody_in_the_standard_loop(probe: BlockingProbe) -> None:
    async def main() -> None:
        while not probe.facts():
            await asyncio.sleep(0.02)
        for _ in range(10):
            for _ in range(40):
                asyncio.get_running_loop().call_soon(sleeps, 0.003)
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.15)

    asyncio.run(main())
    facts = probe.facts()
    assert facts["stalls"] >= 5
    assert facts["blockers"] == []


class Nested(asyncio.SelectorEventLoop):
    """A standard loop with another inside, as packages put it there that let loops be nested."""

    def _run_once(self) -> None:
        loop: Any = self
        waits = not loop._ready and not loop._stopping
        timeout_s = max(0.0, loop._scheduled[0]._when - loop.time()) if waits and loop._scheduled else None
        loop._process_events(loop._selector.select(timeout_s if waits else 0))
        end_time = loop.time() + loop._clock_resolution
        while loop._scheduled and loop._scheduled[0]._when < end_time:
            loop._ready.append(heapq.heappop(loop._scheduled))
        for _ in range(len(loop._ready)):
            loop._ready.popleft()._run()


def test_a_loop_that_stands_in_the_standard_ones_place_is_watched_as_well(probe: BlockingProbe) -> None:
    async def main() -> None:
        deadline = time.monotonic() + 20
        while not any(row["function"] == "sleeps" for row in probe.facts().get("blockers", [])):
            assert time.monotonic() < deadline, probe.facts()
            sleeps(0.1)
            await asyncio.sleep(0.05)

    loop = Nested()
    loop.run_until_complete(main())
    loop.close()


def test_an_idle_loop_is_never_woken(probe: BlockingProbe) -> None:
    async def main() -> int:
        while not probe.facts():
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
        loop: Any = asyncio.get_running_loop()
        woken = []
        select = loop._selector.select
        loop._selector.select = lambda timeout: woken.append(timeout) or select(timeout)  # type: ignore[func-returns-value]
        await asyncio.sleep(1)
        loop._selector.select = select
        return len(woken)

    assert asyncio.run(main()) <= 2


def test_nothing_of_a_blocked_function_is_kept_alive(watched: Callable[..., dict[str, Any]]) -> None:
    class Payload: ...

    alive: list[weakref.ref[Payload]] = []

    def holds() -> None:
        payload = Payload()
        alive.append(weakref.ref(payload))
        time.sleep(0.15)

    async def main(_: BlockingProbe) -> None:
        holds()
        await asyncio.sleep(0.1)

    assert watched(main)["blockers"]
    gc.collect()
    assert alive[0]() is None


def test_the_next_loop_is_found_after_one_has_closed(probe: BlockingProbe) -> None:
    async def main(stalls: int) -> None:
        deadline = time.monotonic() + 20
        while probe.facts().get("stalls", 0) < stalls:
            assert time.monotonic() < deadline, probe.facts()
            sleeps(0.1)
            await asyncio.sleep(0.05)

    asyncio.run(main(1))
    asyncio.run(main(probe.facts()["stalls"] + 1))


def test_the_watch_ends_when_it_is_stopped(probe: BlockingProbe) -> None:
    def watching() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == "heaptide-watch"]

    before = len(watching())
    probe.stop()
    deadline = time.monotonic() + 20
    while len(watching()) >= before:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_watch_that_keeps_failing_ends_itself(
    probe: BlockingProbe, monkeypatch: pytest.MonkeyPatch, swallowed: list[Exception]
) -> None:
    def fail(_: Watch) -> None:
        raise LookupError("made to fail")

    probe.stop()
    monkeypatch.setattr(Watch, "_turn", fail)
    watch = Watch(lambda file: (file, True), probe.watch._gate)
    watch.run()
    assert {type(error) for error in swallowed} == {LookupError}
    assert len(swallowed) == 10
    swallowed.clear()


def test_ticks_that_are_dear_come_less_often_and_one_alone_changes_little(probe: BlockingProbe) -> None:
    probe.stop()
    watch = probe.watch
    watch._paced_at, watch._paced_cpu_s = time.monotonic() - 1.0, time.thread_time() - 0.01
    watch._pace(time.monotonic())
    assert watch.tick_s == pytest.approx(1.25 * TICK_S)
    for _ in range(10):
        watch._paced_at, watch._paced_cpu_s = time.monotonic() - 1.0, time.thread_time() - 0.01
        watch._pace(time.monotonic())
    assert watch.tick_s == SLOWEST_TICK_S
    watch._paced_at, watch._paced_cpu_s = time.monotonic() - 1000.0, time.thread_time()
    watch._pace(time.monotonic())
    assert watch.tick_s == TICK_S


def test_a_process_without_asyncio_is_not_made_to_import_it() -> None:
    program = (
        "import sys, time; from heaptide.gate import Gate; from heaptide.probes.blocking import BlockingProbe; "
        "from heaptide.probes.pools import PoolsProbe; probe, pools = BlockingProbe(Gate()), PoolsProbe(); "
        "time.sleep(0.8); assert probe.facts() == pools.facts() == {}; print('asyncio' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE).stdout == b"False\n"
