"""How servers and scripts end: recycled, forked, or with a collector that isn't there."""

from __future__ import annotations

import socket
import subprocess
import sys
from base64 import b64decode
from pathlib import Path

import pytest

from heaptide import wire

# The agent's 2 s and up to 1.5 s that servers themselves take, twice over for a busy machine; yet less than the 10 s
# that sending a report may take at other times.
WITHIN_S = 7.0
TARGETS = Path(__file__).parents[2] / "targets" / "servers"


@pytest.mark.parametrize("name", ["uvicorn", "gunicorn_sync", "gunicorn_uvicorn_worker", "gunicorn_asgi"])
def test_a_collector_that_never_answers_holds_the_exit_no_longer_than_its_deadline(launch, name) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = launch(name, collector=f"http://127.0.0.1:{silent.getsockname()[1]}")
        server.wait_until_up()
        server.get()
        silent.settimeout(30)
        silent.accept()[0].close()
        assert server.terminate() < WITHIN_S


@pytest.mark.parametrize(
    ("name", "option"), [("gunicorn_uvicorn_worker", "--max-requests"), ("celery_prefork", "--max-tasks-per-child")]
)
def test_a_worker_recycled_by_max_requests_reports_its_end(launch, recording_collector, name, option) -> None:
    server = launch(name, collector=recording_collector.url, options=[option, "5"])
    server.wait_until_up()
    server.ask()
    recording_collector.wait_until(lambda: bool(recording_collector.pids(final=True)), "a recycled worker's end")


@pytest.mark.parametrize("collector", ["http://", "nonsense", "http://127.0.0.1:99999999", "ftp://x", "http://[::bad"])
def test_the_app_starts_and_serves_whatever_the_collector_is_set_to(launch, collector) -> None:
    server = launch("uvicorn", collector=collector)
    server.wait_until_up()
    assert server.get() == server.process.pid
    assert server.terminate() < WITHIN_S


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_children_of_multiprocessing_send_their_last_report_although_they_leave_without_atexit(
    recording_collector, environment, method
) -> None:
    done = subprocess.run(
        [sys.executable, str(TARGETS / "children.py"), method],
        env=environment | {"HEAPTIDE_COLLECTOR": recording_collector.url},
        capture_output=True,
        text=True,
        timeout=60,
    )
    children = {int(pid) for pid in done.stdout.split()}
    assert len(children) == 2, done.stderr
    assert children < recording_collector.pids(final=True)
    assert recording_collector.requests() == 10


@pytest.mark.parametrize("name", ["flask_reload", "uvicorn_reload"])
def test_the_parent_of_a_reloader_says_nothing(launch, recording_collector, name) -> None:
    server = launch(name, collector=recording_collector.url)
    server.wait_until_up()
    serving = server.get()
    recording_collector.wait_until(lambda: recording_collector.requests() == 1, "the request is reported")
    assert recording_collector.pids() == {serving}
    assert serving != server.process.pid


def test_a_command_of_django_that_does_not_serve_reports_nothing(recording_collector, environment) -> None:
    subprocess.run(
        [sys.executable, "-m", "django", "check", "--settings", "django_site.settings"],
        cwd=TARGETS,
        env=environment | {"HEAPTIDE_COLLECTOR": recording_collector.url},
        check=True,
        timeout=60,
    )
    assert recording_collector.reports == []


def test_a_child_forked_while_a_lock_is_held_is_armed_and_starts_when_it_counts(
    recording_collector, environment
) -> None:
    done = subprocess.run(
        [sys.executable, str(TARGETS / "forks.py")],
        env=environment | {"HEAPTIDE_COLLECTOR": recording_collector.url},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout.split() == ["armed", "running", "3"], done.stderr
    assert recording_collector.requests() == 3


def test_the_growth_of_a_leaking_line_adds_up_in_the_reports(recording_collector, environment) -> None:
    line = 1 + (TARGETS / "leaks.py").read_text().splitlines().index(
        "    KEPT.append([bytes(10_000) for _ in range(105)])"
    )
    with subprocess.Popen(
        [sys.executable, str(TARGETS / "leaks.py")],
        env=environment | {"HEAPTIDE_COLLECTOR": recording_collector.url} | {"HEAPTIDE_TRACER": "exact"},
        stdin=subprocess.PIPE,
    ) as leaking:
        recording_collector.wait_until(lambda: len(recording_collector.reports) >= 3, "three reports")
        leaking.communicate()

    sizes: dict[tuple[str, int, bool], int] = {}
    sites: list[tuple[str, int, bool]] = []
    for report in recording_collector.reports:
        changes = report["sites"]
        for stack in changes["define"]:
            file, _, number, in_app = changes["frames"][stack[0]] if stack else ("", "", 0, False)
            sites.append((file, number, in_app))
        ids, columns = wire.unpack(b64decode(changes["changes"]))
        for at, size in zip(ids, columns.get("bytes", []), strict=True):
            sizes[sites[at]] = sizes.get(sites[at], 0) + size
    assert max(sizes, key=sizes.__getitem__) == ("leaks.py", line, True)
    assert sizes["leaks.py", line, True] > 10 << 20
    assert recording_collector.reports[-1]["final"]
