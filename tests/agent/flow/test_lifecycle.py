"""One thread in the process that serves, none elsewhere, and nothing of ours reaches the app."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from heaptide.lifecycle import Agent


def serve(environ, start_response):
    start_response("200 OK", [])
    return [b"body"]


async def serve_asgi(scope, receive, send):
    await send({"type": "http.response.start"})


def threads() -> int:
    return sum(thread.name == "heaptide" for thread in threading.enumerate())


@pytest.fixture
def agent(tracer) -> Iterator[Callable[..., Agent]]:
    made: list[Agent] = []

    def make(role: str = "unknown") -> Agent:
        made.append(Agent(choose=lambda _: tracer, role=lambda: role))
        return made[-1]

    yield make
    for one in made:
        one.stop(5.0)


def start(agent: Agent, collector, app=None, **arguments):
    given = {"collector": collector.url, "interval_s": 0.5, "release": "1", **arguments}
    return agent.start(app, given, "shop.main")


def wait_for_reports(collector, count: int = 1) -> list[dict]:
    deadline = time.monotonic() + 10
    while len(collector.seen) < count:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return [body for _, _, body in collector.seen]


def test_without_a_collector_it_logs_one_line_and_does_nothing(agent, tracer, caplog, monkeypatch) -> None:
    monkeypatch.delenv("HEAPTIDE_COLLECTOR", raising=False)
    caplog.set_level(logging.INFO, "heaptide")
    one = agent()
    assert one.start(serve, {}, "shop") is serve
    assert [record.message for record in caplog.records] == ["heaptide is off: HEAPTIDE_COLLECTOR isn't set"]
    assert (threads(), tracer.calls, one.status()["state"]) == (0, [], "off")


def test_a_process_without_an_app_starts_at_once_and_only_once(agent, collector, tracer) -> None:
    one = agent()
    for _ in range(3):
        start(one, collector)
    body = wait_for_reports(collector)[0]
    assert threads() == 1
    assert tracer.calls == ["start"]
    assert (body["worker"]["service"], body["worker"]["pid"]) == ("shop", os.getpid())
    assert one.status()["running"]


def test_the_first_report_comes_within_a_second(agent, collector) -> None:
    began = time.monotonic()
    start(agent(), collector, interval_s=3600)
    wait_for_reports(collector)
    assert time.monotonic() - began < 1.5  # a second, and half of one for a busy machine


def test_a_process_that_looks_after_others_is_armed_only(agent, collector, tracer) -> None:
    one = agent("supervises")
    start(one, collector)
    assert (threads(), tracer.calls, one.status()["state"]) == (0, [], "armed")


def test_an_asgi_app_is_traced_at_once_but_reports_start_with_its_first_event(agent, collector, tracer) -> None:
    one = agent()
    start(one, collector, serve_asgi)
    assert (threads(), tracer.calls) == (0, ["start"])
    one.count()
    assert threads() == 1
    assert one.status()["requests"] == 1


@pytest.mark.parametrize(("role", "state"), [("serves", "running"), ("unknown", "armed"), ("supervises", "armed")])
def test_where_a_framework_is_set_up_it_starts_only_if_this_process_is_known_to_serve(
    agent, collector, monkeypatch, role, state
) -> None:
    monkeypatch.setenv("HEAPTIDE_COLLECTOR", collector.url)
    one = agent(role)
    one.expect("shop.settings")
    assert one.status()["state"] == state
    if role == "unknown":
        one.count()
        assert wait_for_reports(collector)[0]["worker"]["service"] == "shop"


def test_a_service_armed_before_its_app_was_known_is_named_after_the_app(agent, collector, monkeypatch) -> None:
    monkeypatch.setenv("HEAPTIDE_COLLECTOR", collector.url)
    one = agent()
    one.arm()
    one.start(serve, {}, "shop.main")
    assert wait_for_reports(collector)[0]["worker"]["service"] == "shop"


def test_no_request_that_counts_still_says_that_this_process_serves(agent, collector) -> None:
    one = agent()
    start(one, collector, serve_asgi)
    one.count(0)
    assert (one.status()["running"], one.status()["requests"]) == (True, 0)


def test_arguments_given_before_the_thread_reads_them_still_count(agent, collector) -> None:
    one = agent()
    start(one, collector, service="from the command")
    start(one, collector, service="from the code")
    assert wait_for_reports(collector)[0]["worker"]["service"] == "from the code"
    start(one, collector, service="too late")
    assert one.settings.service == "from the code"


def test_an_ended_app_that_starts_up_again_is_a_new_worker(agent, collector, tracer) -> None:
    one = agent()
    start(one, collector, serve_asgi)
    one.begin()
    wait_for_reports(collector)
    one.end()
    one.end()
    one.count()
    assert one.status()["state"] == "ended"
    seen = len(collector.seen)
    collector.answers = []
    one.begin()
    bodies = wait_for_reports(collector, seen + 1)
    assert bodies[seen - 1]["final"]
    assert bodies[seen]["worker"]["key"] != bodies[0]["worker"]["key"]
    assert "stop" not in tracer.calls


def test_stopped_stays_stopped_until_started(agent, collector, tracer) -> None:
    one = agent()
    start(one, collector)
    wait_for_reports(collector)
    one.stop(5.0)
    one.count()
    one.begin()
    assert (threads(), tracer.calls, one.status()["state"]) == (0, ["start", "stop"], "stopped")
    start(one, collector)
    assert threads() == 1


def test_stopping_takes_no_longer_than_its_timeout_while_the_collector_is_silent(agent, settings) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        one = agent()
        one.start(None, {"collector": f"http://127.0.0.1:{silent.getsockname()[1]}"}, "shop")
        silent.settimeout(10)
        connection = silent.accept()[0]
        began = time.monotonic()
        one.stop(0.3)
        assert time.monotonic() - began < 1.3
        connection.close()


def test_errors_of_ours_do_not_reach_the_app(swallowed, collector) -> None:
    def refuse(_: object) -> None:
        raise RuntimeError("no tracer today")

    agent = Agent(choose=refuse, role=lambda: "unknown")
    assert start(agent, collector, serve) is not None
    agent.count()
    assert agent.status()["errors"] >= 1
    assert all(str(error) == "no tracer today" for error in swallowed)
    swallowed.clear()


def test_starting_is_quick_once_its_modules_are_there(agent, collector) -> None:
    taken = []
    for _ in range(5):
        one = agent()
        began = time.perf_counter()
        start(one, collector, serve_asgi)
        taken.append(time.perf_counter() - began)
    assert min(taken) < 0.001


def test_importing_the_package_takes_less_than_five_milliseconds() -> None:
    # CPU time, so that a busy machine doesn't count; it may include compiling, where no bytecode is kept.
    code = "import time; t = time.process_time(); import heaptide; print(time.process_time() - t)"
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(5)]
    assert sorted(float(run.stdout) for run in runs)[2] < 0.005


def test_importing_the_package_imports_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import heaptide; print(*sorted(set(sys.modules) - before))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() in (["heaptide"], ["__future__", "heaptide"])
