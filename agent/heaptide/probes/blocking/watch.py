"""The watch: a light thread that looks, some 22 times a second, whether the event loop gets on."""

from __future__ import annotations

import sys
import threading
import time
from types import FrameType
from typing import TYPE_CHECKING

from heaptide.frames import Place, current_frames
from heaptide.gate import Gate
from heaptide.probes.blocking.blockers import Blockers
from heaptide.probes.blocking.called import called
from heaptide.probes.blocking.route import route_of
from heaptide.probes.blocking.schedstat import Schedstat, of_this_thread
from heaptide.probes.blocking.stalls import LEAST_STALL_S, Stall, Tick
from heaptide.probes.blocking.threads import Threads
from heaptide.probes.blocking.totals import Totals

if TYPE_CHECKING:
    from heaptide.probes.blocking.loops import Attached

# So a stall of 50 ms has a tick in it, and if need be one more look once it is 30 ms old, when it is told from what is
# just busy.
TICK_S = 0.045
BLIND_TICK_S = 0.035  # where the loop doesn't tell when its iteration began, a second tick has to
SUSPECT_S = 0.03
SECOND_LOOK_S = 0.012  # after the first at a stall: whether the same step still runs, or one of many that are short
STALLED_TICK_S = 0.04  # between two stacks of a stall; a tenth of its age when it is long
LONGEST_STALLED_TICK_S = 0.25
CPU_SHARE = 0.0017  # of one CPU; the project's bound is 0.002
SLOWEST_TICK_S = 0.2
MOST_SLOWING = 1.25  # from one adjustment to the next: one dear tick of 25 doesn't make the watch miss short stalls
_SEARCH_S = 0.5  # between two searches for a loop
_PACED_TICKS = 25  # between two adjustments of the tick to what it costs
_THREADS_EACH_S = 0.1  # between two looks at the thread pool
_BASELINE_EACH_S = 0.5  # between two readings of the watch's own times, and two questions for the thread pool
_MOST_FAILURES = 10


class Watch:
    """Watches one event loop, from its own thread.

    The loop is left alone: from its thread's stack it can be read whether it waits for events, and when it last did.
    Only in a stall it is handed a beat, a callback that tells when the stall ended.

    Args:
        place: names files, see `heaptide.paths.Places`.
        gate: swallows what fails; after ten failures the watch ends itself.

    Attributes:
        totals: what it has seen.
        blockers: who blocked the loop.
        threads: the thread pool of sync endpoints.
        tick_s: seconds between two ticks of an idle loop; longer where a tick is dear.
    """

    def __init__(self, place: Place, gate: Gate) -> None:
        self.totals = Totals()
        self.blockers = Blockers(place, called)
        self.threads = Threads(place)
        self.tick_s = TICK_S
        self._gate = gate
        self._stopped = False
        self._attached: Attached | None = None
        self._stall: Stall | None = None
        self._sleep_s = TICK_S
        self._least_tick_s = TICK_S
        self._previous_at = 0.0
        self._cpu_s = self._starved_s = 0.0  # of the loop's thread, when last read
        self._own: Schedstat | None = None
        self._own_starved_s = 0.0
        self._next_baseline_at = 0.0
        self._next_threads_at = 0.0
        self._paced_cpu_s = 0.0
        self._paced_at = 0.0
        self._tick_cpu_s = self._stall_cpu_s = 0.0
        self._ticks = 0

    def start(self) -> None:
        """Starts the thread."""
        threading.Thread(target=self.run, name="heaptide-watch", daemon=True).start()

    def stop(self) -> None:
        """Ends the thread at its next tick."""
        self._stopped = True

    def run(self) -> None:
        """The thread."""
        _untraced()
        self._own = of_this_thread()
        failures = self._gate.errors
        while not self._stopped and self._gate.errors - failures < _MOST_FAILURES:
            with self._gate("watching the event loop"):
                while not self._stopped:
                    self._turn()
        self._detach()
        if self._own is not None:
            self._own.close()

    def _turn(self) -> None:
        attached = self._attached
        if attached is None:
            time.sleep(_SEARCH_S)
            self._search()
            return
        # Waiting for the GIL wakes a thread every 5 ms: a step that holds it makes the tick that it delays dear.
        self._tick_cpu_s = time.thread_time()
        due = time.monotonic() + self._sleep_s
        time.sleep(self._sleep_s)
        try:
            if attached.ready and attached.loop.is_running():
                self._tick(attached, due)
        except (OSError, RuntimeError):
            if attached.loop.is_running():
                raise  # else it has been closed meanwhile
        if not attached.loop.is_running():
            self._detach()

    def _search(self) -> None:
        if "asyncio.runners" not in sys.modules:
            return
        from heaptide.probes.blocking.loops import Attached, running_loop  # imports asyncio: never for our own sake

        found = running_loop(current_frames())
        if found is not None:
            self._attached = attached = Attached(*found)
            attached.learn()
            self.tick_s = self._sleep_s = self._least_tick_s = TICK_S if attached.tells else BLIND_TICK_S
            self._previous_at = self._paced_at = time.monotonic()
            self._paced_cpu_s = time.thread_time()
            self.totals.attached(attached.kind)

    def _detach(self) -> None:
        attached, self._attached, self._stall = self._attached, None, None
        if attached is not None:
            attached.close()

    def _tick(self, attached: Attached, due: float) -> None:
        frame = current_frames().get(attached.ident)
        at = time.monotonic()
        self._sleep_s = self.tick_s
        if self._stall is not None and attached.answered_at is not None:
            self._end(self._stall, attached.answered_at, *attached.times())
        if attached.busy(frame):
            self._follow(attached, frame, at, due)
        elif self._stall is None:
            self._cpu_s, self._starved_s = attached.times()
            if at - due >= LEAST_STALL_S:
                self._notice_hold(at - due)
        del frame
        self._previous_at = at
        self._housekeeping(attached, at)

    def _notice_hold(self, late_s: float) -> None:
        """Counts a tick that came late although the loop only waited: another thread held the GIL."""
        before_s, self._own_starved_s = self._own_starved_s, self._starved_self()
        if late_s - (self._own_starved_s - before_s) >= LEAST_STALL_S:
            self.totals.held(late_s)
            self._paced_cpu_s += time.thread_time() - self._tick_cpu_s

    def _starved_self(self) -> float:
        return 0.0 if self._own is None else self._own.take()[1]

    def _follow(self, attached: Attached, frame: FrameType | None, at: float, due: float) -> None:
        cpu_s, starved_s = attached.times()
        tick = Tick(at, attached.step(), cpu_s, starved_s)
        if self._stall is None:
            # Late, this tick was kept from the GIL by the very step that it looks for.
            began = attached.began(frame, (self._previous_at + min(at, due)) / 2)
            if began is None or at - began < SUSPECT_S:
                self._cpu_s, self._starved_s = cpu_s, starved_s
                self._sleep_s = self._until_next(at - (began or at), tells=attached.tells)
                return
            self._stall = Stall(began, tick, self._cpu_s, self._starved_s)
            self._stall_cpu_s = self._tick_cpu_s
            attached.beat()
            self._sleep_s = SECOND_LOOK_S
        else:
            self._sleep_s = min(LONGEST_STALLED_TICK_S, max(STALLED_TICK_S, (at - self._stall.began) / 10))
        self._stall.see(tick, attached.calls(frame), route_of(frame))

    def _until_next(self, age_s: float, *, tells: bool) -> float:
        """Seconds to the next look at an iteration: the next tick, if that still finds it in a stall of 50 ms."""
        if tells and age_s + self.tick_s < LEAST_STALL_S:
            return self.tick_s
        return min(self.tick_s, SUSPECT_S + 0.001 - age_s)

    def _end(self, stall: Stall, answered_at: float, cpu_s: float, starved_s: float) -> None:
        self._stall = None
        ended = stall.end(answered_at, cpu_s, starved_s)
        if ended.duration_s >= LEAST_STALL_S:
            blamed = [self.blockers.add(blocked) for blocked in ended.blocked]
            self.totals.stalled(ended.duration_s, ended.starved_s, blocked=any(blamed))
        self._paced_cpu_s += time.thread_time() - self._stall_cpu_s  # what a stall costs is worth it

    def _housekeeping(self, attached: Attached, at: float) -> None:
        if at >= self._next_threads_at:
            self._next_threads_at = at + _THREADS_EACH_S
            self.threads.look(attached.thread_limiter, at)
        if at >= self._next_baseline_at and self._stall is None:
            self._next_baseline_at = at + _BASELINE_EACH_S
            self._own_starved_s = self._starved_self()
            attached.learn_limiter()
        self._ticks += 1
        if self._ticks % _PACED_TICKS == 0:
            self._pace(at)

    def _pace(self, at: float) -> None:
        """Ticks less often where ticks cost more than their share, as they do beside many threads."""
        cpu_s = time.thread_time()
        share = (cpu_s - self._paced_cpu_s) / (at - self._paced_at)
        change = min(MOST_SLOWING, share / CPU_SHARE)
        self.tick_s = min(SLOWEST_TICK_S, max(self._least_tick_s, self.tick_s * change))
        self._paced_at, self._paced_cpu_s = at, cpu_s
        self.totals.cpu_s = cpu_s


def _untraced() -> None:
    """Keeps this thread's allocations out of the sampler, where it is loaded."""
    sampler = sys.modules.get("heaptide.tracemalloc_ng._sampler")
    if sampler is not None:
        sampler.ignore_thread()
