"""The agent's life in one process: off, armed, running, ended; and what becomes of it in a forked child."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from heaptide import servers
from heaptide.gate import LOG, Gate
from heaptide.inbox import Inbox
from heaptide.settings import Settings, resolve

if TYPE_CHECKING:
    from heaptide.loop import Loop
    from heaptide.tracer.protocol import Tracer

EXIT_TIMEOUT_S = 2.0
FIRST_WAIT_S = 0.3

# armed: starts when the process turns out to serve. ended: its app has shut down, another start-up begins anew.
State = Literal["off", "armed", "running", "ended", "stopped"]


def _choose(settings: Settings) -> Tracer:
    from heaptide.tracer import choose

    return choose(settings.tracer, frames=settings.frames, sample_bytes=settings.sample_bytes)


def _tracing_of(settings: Settings) -> tuple[object, ...]:
    return settings.tracer, settings.frames, settings.sample_bytes


class Agent:
    """The agent of one process. Its public methods may be called from any thread, and raise nothing.

    Args:
        choose: makes the tracer that the settings name.
        role: what this process does, see `heaptide.servers.role`.

    Attributes:
        state: see `State`.
        imported_at: when the first process of this family imported the agent, in seconds since the epoch: code that
            runs in a forked worker may be as old.
        gate: where the errors of all that happens here end.
    """

    def __init__(
        self,
        choose: Callable[[Settings], Tracer] = _choose,
        role: Callable[[], servers.Role] = lambda: servers.role(servers.main_calls(), sys.argv),
    ) -> None:
        self.state: State = "off"
        self.imported_at = time.time()
        self.gate = Gate()
        self.module = "__main__"
        self.settings: Settings | None = None
        self.tracer: Tracer | None = None
        self._choose = choose
        self._role = role
        self._hooked = False
        self._joined_pid = 0
        self._renew()

    def _renew(self) -> None:
        """Whatever must not be shared with a parent process: locks, queues, threads, counts."""
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self.inbox = Inbox()
        self.loop: Loop | None = None
        self._tracing = False

    def start(self, app: Any, arguments: dict[str, object], module: str) -> Any:
        """Starts or arms the agent, and puts the counter around the app.

        Args:
            app: an ASGI or WSGI app, or None.
            arguments: settings given in code, by name.
            module: the caller's module, from which the service may take its name.

        Returns:
            The app to serve.
        """
        watched = app
        with self.gate("starting"):
            self._check_pid()
            if not self._configure(arguments, module):
                return app
            watched, tells = self._watch(app)
            if self._role() == "supervises":
                return watched
            self._trace()
            if not tells:
                self._serve()
        return watched

    def arm(self) -> None:
        """Reads the settings and begins to trace, but starts no thread: for `heaptide run`, before the app's import."""
        with self.gate("arming"):
            self._check_pid()
            if self._configure({}, "__main__"):
                self._trace()

    def expect(self, module: str) -> None:
        """Arms where a framework is set up, which happens in commands that never serve too: starts where this process
        is known to serve, else with the first request.

        Args:
            module: whose package names the service, where nobody named it.
        """
        with self.gate("expecting requests"):
            self._check_pid()
            if not self._configure({}, module) or self._role() == "supervises":
                return
            self._join_celery()
            self._trace()
            if self._role() == "serves" or servers.is_server(servers.main_calls(), sys.argv):
                self._serve()

    def _configure(self, arguments: dict[str, object], module: str) -> bool:
        """Reads the settings, unless the thread uses them already; whether the agent is on."""
        given = {name: value for name, value in arguments.items() if value is not None}
        too_late = self.loop is not None and self.state == "running"
        if too_late or (not given and self.state in ("armed", "running")):
            if given:
                LOG.info("heaptide runs already, so these arguments come too late: %s", ", ".join(sorted(given)))
            if self.module == "__main__":  # armed before the app's own module was known
                self.module = module
            return True
        settings = resolve(given, os.environ)
        if not settings.enabled or not settings.collector:
            why = "HEAPTIDE_COLLECTOR isn't set" if settings.enabled else f"{settings.sources['enabled']} says so"
            LOG.info("heaptide is off: %s", why)
            return False
        self._use(settings, module)
        return True

    def _use(self, settings: Settings, module: str) -> None:
        before, self.settings, self.module = self.settings, settings, module
        if before and self.tracer and _tracing_of(before) != _tracing_of(settings):
            self.tracer.stop()
            self.tracer, self._tracing = None, False
        if self.state == "ended":
            self._renew()
        if self.state != "running":
            self.state = "armed"
        self._hook()

    def _watch(self, app: Any) -> tuple[Any, bool]:
        """The app to serve, and whether events tell when this process begins to."""
        if app is None:
            return None, self._join_celery()
        with self.gate("watching the app"):
            from heaptide.apps import watch

            return watch(app, self)
        return app, False  # whatever is odd about it, memory can be watched

    def _join_celery(self) -> bool:
        """Watches the tasks of a Celery worker; whether this is one, whose children may be who serves."""
        signals = sys.modules.get("celery.signals")
        if signals is None or not servers.is_celery_worker(servers.main_calls(), sys.argv):
            return False
        from heaptide.celery import watch_tasks

        watch_tasks(signals, self)
        return True

    def _hook(self) -> None:
        if not self._hooked:
            os.register_at_fork(after_in_child=self._forked)
            atexit.register(self.end)
            self._hooked = True

    def _trace(self) -> None:
        """Starts tracing, as early as it is known that this process may serve: before the app is imported whole."""
        if self._tracing or self.settings is None:
            return
        if self.tracer is None:
            self.tracer = self._choose(self.settings)
        from heaptide.tracer import started

        self.tracer = started(self.tracer)
        self._tracing = True

    def _serve(self) -> None:
        """Starts the thread, once in this process."""
        with self._lock:
            if self.state != "armed":
                return
            self._trace()
            self._join_multiprocessing()
            self.state = "running"
            threading.Thread(target=self._run, args=(self.inbox,), name="heaptide", daemon=True).start()

    def _join_multiprocessing(self) -> None:
        """Ends with a child of `multiprocessing`: it leaves by `os._exit`, after its clean-up but without `atexit`."""
        processes, finalizers = sys.modules.get("multiprocessing.process"), sys.modules.get("multiprocessing.util")
        if self._joined_pid != self._pid and processes and finalizers and processes.parent_process() is not None:
            finalizers.Finalize(None, self.end, exitpriority=-1)
            self._joined_pid = self._pid

    def _run(self, inbox: Inbox) -> None:
        """The thread. Whatever is slow to import is imported here, once a fork or import under way had time to end."""
        inbox.wake.wait(FIRST_WAIT_S)
        try:
            with self.gate("in the agent's thread"):
                from heaptide.assembly import assemble

                self.loop = assemble(self, inbox, supervises=lambda: self._role() == "supervises")
                self.loop.run()
        finally:
            inbox.done.set()
            if inbox is self.inbox and self.state == "running" and inbox.stop_by is None:
                self._left()

    def _left(self) -> None:
        """The thread ended by itself: after too many errors, or since this process only looks after others."""
        self.state = "armed" if self._role() == "supervises" else "stopped"
        self._tracing, tracer, self.tracer = False, self.tracer, None
        if tracer:
            with self.gate("ending tracing"):
                tracer.stop()

    def count(self, n: int = 1) -> None:
        """Counts requests served, and starts the thread where it is armed: this process serves."""
        if self._pid != os.getpid():
            self._forked()
        self.inbox.requests += n
        if self.state == "armed":
            self.begin()

    def begin(self) -> None:
        """The app starts up in this process: so this one serves."""
        with self.gate("starting with the app"):
            self._check_pid()
            if self.state == "ended":
                self._renew()
                self.state = "armed"
            if self.state == "armed":
                self._serve()

    def end(self) -> None:
        """The app has shut down, or the process exits: sends the last report. Takes 2 s at the most."""
        with self.gate("ending"):
            self._finish("ended", EXIT_TIMEOUT_S)

    def stop(self, timeout_s: float) -> None:
        """Sends the last report and ends tracing; nothing starts the agent again but `start`."""
        with self.gate("stopping"):
            self._finish("stopped", timeout_s)

    def _finish(self, state: State, timeout_s: float) -> None:
        self._check_pid()
        with self._lock:
            running = self.state == "running"
            if running or self.state == "armed":
                self.state = state
        if not running:
            return
        self.inbox.process_ends = state == "ended"
        self.inbox.stop_by = time.monotonic() + timeout_s
        self.inbox.wake.set()
        self.inbox.done.wait(timeout_s)
        if state == "stopped":
            self.tracer = None
            self._renew()

    def mark(self, kind: str, text: str) -> None:
        """Leaves an event for the thread to post."""
        with self.gate("marking an event"):
            self._check_pid()
            if self.state in ("armed", "running"):
                self.inbox.events.append({"kind": str(kind), "text": str(text), "at": time.time()})
                self.inbox.wake.set()

    def snapshot(self) -> None:
        """Asks the thread for a report at once."""
        with self.gate("asking for a look"):
            self._check_pid()
            self.inbox.look = True
            self.inbox.wake.set()

    def status(self) -> dict[str, Any]:
        """What `heaptide.status` returns."""
        status: dict[str, Any] = {"acknowledged": 0, "waiting": 0, "dropped_reports": 0, "cost": {}}
        status["tracer"] = self.tracer.name if self.tracer else None
        with self.gate("telling the status"):
            self._check_pid()
            status |= self.loop.status() if self.loop else {}
        return {
            "running": self.state == "running",
            "state": self.state,
            "requests": self.inbox.requests,
            "errors": self.gate.errors,
            **status,
        }

    def _check_pid(self) -> None:
        # A process forked by C code that didn't tell Python.
        if self._pid != os.getpid():
            self._forked()

    def _forked(self) -> None:
        """In the child: nothing of the parent's thread is left, so all begins anew, armed.

        A gunicorn worker serves for certain. Any other child, of multiprocessing say, starts when it counts a request.
        """
        with self.gate("beginning anew after a fork"):
            self._renew()
            if self.state in ("running", "ended"):
                self.state = "armed"
            if self.state == "armed" and self._role() == "serves":
                self._serve()


AGENT = Agent()
