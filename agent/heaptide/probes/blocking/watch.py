"""The watch: a light thread that looks, some 22 times a second, whether the event loop gets on."""

from __future__ import annotations

import sys
import threading
import time
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple

from heaptide.frames import Call, Place, current_frames
from heaptide.gate import Gate
from heaptide.probes.blocking.blockers import Blockers
from heaptide.probes.blocking.called import called
from heaptide.probes.blocking.route import route_of
from heaptide.probes.blocking.schedstat import Schedstat, of_this_thread
from heaptide.probes.blocking.stalls import LEAST_STALL_S, Stall
from heaptide.probes.blocking.steps import Reading, Tick
from heaptide.probes.blocking.threads import Threads
from heaptide.probes.blocking.totals import Totals

if TYPE_CHECKING:
    from heaptide.probes.blocking.loops import Attached, Position

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
# Python code that runs gives the GIL to who waits for it after 5 ms: this long it takes a call that doesn't let go.
HELD_S = 0.02
_SEARCH_S = 0.5  # between two searches for a loop
_PACED_TICKS = 25  # between two adjustments of the tick to what it costs
_THREADS_EACH_S = 0.1  # between two looks at the thread pool
_BASELINE_EACH_S = 0.5  # between two readings of the watch's own times, and two questions for the thread pool
_MOST_FAILURES = 10


class _Look(NamedTuple):
    """A busy loop at one moment: where it is, and in a stall its stack and its route."""

    position: Position
    stack: list[Call]
    route: str | None


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
        self._iteration: Stall | None = None  # that the loop was seen in last, which may become a stall
        self._stall: Stall | None = None
        self._sleep_s = TICK_S
        self._least_tick_s = TICK_S
        self._previous = Reading(0.0, 0.0, 0.0)
        self._before = self._previous  # the last from before a stall
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
            self._paced_at = time.monotonic()
            self._previous = self._before = Reading(self._paced_at, 0.0, 0.0)
            self._paced_cpu_s = time.thread_time()
            self.totals.attached(attached.kind)

    def _detach(self) -> None:
        attached, self._attached = self._attached, None
        self._stall = self._iteration = None
        if attached is not None:
            attached.close()

    def _tick(self, attached: Attached, due: float) -> None:
        frame = current_frames().get(attached.ident)
        at = time.monotonic()
        self._sleep_s = self.tick_s
        # All that is to be seen of the loop comes first: it goes on as soon as this thread lets go of the GIL.
        busy, answered_at = attached.busy(frame), attached.answered_at
        ended = self._stall if answered_at is not None else None
        look = self._look(attached, frame, at, due, None if ended else self._stall) if busy else None
        del frame
        reading = Reading(at, *attached.times())
        if ended is not None and answered_at is not None:
            self._end(ended, answered_at, reading)
        if look is not None:
            self._follow(look, reading, self._held_s(reading, at - due), tells=attached.tells)
        elif self._stall is None:
            self._before = reading
            if not busy and at - due >= LEAST_STALL_S:
                self._notice_hold(at - due)
        self._previous = reading
        self._housekeeping(attached, at)

    def _look(
        self, attached: Attached, frame: FrameType | None, at: float, due: float, stall: Stall | None
    ) -> _Look | None:
        """What a busy loop runs, in a stall with its stack; None between two iterations."""
        # Late, this tick was kept from the GIL by the very step that it looks for.
        position = attached.position(frame, (self._previous.at + min(at, due)) / 2)
        if position is None:
            return None
        if stall is not None:
            position = position._replace(began=stall.began, first=None)
        elif at - position.began < SUSPECT_S:
            return _Look(position, [], None)
        look = _Look(position, attached.calls(frame), route_of(frame))
        attached.beat()
        return look

    def _follow(self, look: _Look, reading: Reading, held_s: float, *, tells: bool) -> None:
        began, step, first = look.position
        age_s = reading.at - began
        if age_s < SUSPECT_S:
            self._before = reading
            self._sleep_s = self._until_next(age_s, tells=tells)
        elif self._stall is None:
            self._stall_cpu_s = self._tick_cpu_s
            self._sleep_s = SECOND_LOOK_S
        else:
            self._sleep_s = min(LONGEST_STALLED_TICK_S, max(STALLED_TICK_S, age_s / 10))
        if self._iteration is None or self._iteration.began != began:
            self._iteration = Stall(began, self._before)
        tick = Tick(reading.at, reading.cpu_s, reading.starved_s, step, held_s, first)
        self._iteration.see(tick, look.stack, look.route)
        if age_s >= SUSPECT_S:
            self._stall = self._iteration

    def _held_s(self, reading: Reading, late_s: float) -> float:
        """For how long what the loop ran kept this thread from the GIL; it can't have been many short steps then."""
        if late_s < HELD_S:
            return 0.0
        # Neither thread may have had a CPU meanwhile.
        starved_s = reading.starved_s - self._previous.starved_s + self._starved_self() - self._own_starved_s
        held_s = late_s - starved_s
        return held_s if held_s >= HELD_S else 0.0

    def _notice_hold(self, late_s: float) -> None:
        """Counts a tick that came late although the loop only waited: another thread held the GIL."""
        before_s, self._own_starved_s = self._own_starved_s, self._starved_self()
        if late_s - (self._own_starved_s - before_s) >= LEAST_STALL_S:
            self.totals.held(late_s)
            self._paced_cpu_s += time.thread_time() - self._tick_cpu_s

    def _starved_self(self) -> float:
        return 0.0 if self._own is None else self._own.take()[1]

    def _until_next(self, age_s: float, *, tells: bool) -> float:
        """Seconds to the next look at an iteration: the next tick, if that still finds it in a stall of 50 ms."""
        if tells and age_s + self.tick_s < LEAST_STALL_S:
            return self.tick_s
        return min(self.tick_s, SUSPECT_S + 0.001 - age_s)

    def _end(self, stall: Stall, answered_at: float, after: Reading) -> None:
        self._stall = self._iteration = None
        ended = stall.end(answered_at, after)
        if ended.duration_s >= LEAST_STALL_S:
            blamed = [self.blockers.add(blocked) for blocked in ended.blocked]
            self.totals.stalled(ended.duration_s, ended.starved_s, blocked=any(blamed))
        spent_s = time.thread_time()
        self._paced_cpu_s += spent_s - self._stall_cpu_s  # what a stall costs is worth it
        self._tick_cpu_s = spent_s  # another stall may begin in this very tick

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
