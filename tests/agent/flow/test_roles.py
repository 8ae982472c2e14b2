"""What a process is, read from its main thread's calls."""

from __future__ import annotations

import sys
import threading

import pytest

from heaptide.servers import is_celery_worker, is_server, main_calls, role, server_name

MAIN = ("__main__", "<module>")
ARBITER = [MAIN, ("gunicorn.app.base", "run"), ("gunicorn.arbiter", "run")]
SPAWNED = [*ARBITER, ("gunicorn.arbiter", "spawn_worker")]
HYPERCORN = [MAIN, ("hypercorn.__main__", "main"), ("hypercorn.run", "run")]
FLASK = ["/venv/bin/flask", "--app", "shop", "run"]
WORKER = [*SPAWNED, ("gunicorn.workers.base", "init_process")]


@pytest.mark.parametrize(
    ("calls", "argv", "environ", "expected"),
    [
        (
            [MAIN, ("gunicorn.app.base", "run"), ("gunicorn.arbiter", "setup"), ("shop", "<module>")],
            [],
            {},
            "supervises",
        ),
        (WORKER, [], {}, "serves"),
        (SPAWNED, [], {}, "serves"),
        ([*ARBITER, ("gunicorn.arbiter", "spawn_dirty_arbiter")], [], {}, "supervises"),
        ([MAIN, ("uvicorn.main", "run"), ("uvicorn.supervisors.multiprocess", "run")], [], {}, "supervises"),
        ([MAIN, ("uvicorn.main", "run"), ("uvicorn.server", "run")], [], {}, "unknown"),
        ([MAIN, ("werkzeug._reloader", "restart_with_reloader")], [], {}, "supervises"),
        ([MAIN], ["manage.py", "runserver"], {}, "supervises"),
        ([MAIN], ["manage.py", "runserver"], {"RUN_MAIN": "true"}, "unknown"),
        ([MAIN], ["manage.py", "runserver", "--noreload"], {}, "unknown"),
        ([MAIN], ["manage.py", "migrate"], {}, "unknown"),
        ([*HYPERCORN, ("hypercorn.utils", "load_application")], [], {}, "supervises"),
        ([*HYPERCORN, ("hypercorn.asyncio.run", "asyncio_worker")], [], {}, "unknown"),
        ([MAIN], [*FLASK, "--debug"], {}, "supervises"),
        ([MAIN], ["/site/flask/__main__.py", "run", "--reload"], {}, "supervises"),
        ([MAIN], FLASK, {"FLASK_DEBUG": "1"}, "supervises"),
        ([MAIN], FLASK, {"FLASK_DEBUG": "0"}, "unknown"),
        ([MAIN], [*FLASK, "--no-debug"], {"FLASK_DEBUG": "1"}, "unknown"),
        ([MAIN], [*FLASK, "--debug", "--no-reload"], {}, "unknown"),
        ([MAIN], [*FLASK, "--debug"], {"WERKZEUG_RUN_MAIN": "true"}, "unknown"),
        ([MAIN], ["job.py", "run", "--reload"], {}, "unknown"),
    ],
)
def test_only_a_process_that_looks_after_others_is_told_from_one_that_serves(calls, argv, environ, expected) -> None:
    assert role(calls, argv, environ) == expected


@pytest.mark.parametrize(
    ("calls", "name"),
    [
        ([*WORKER, ("gunicorn.workers.sync", "run")], "gunicorn:sync"),
        ([*WORKER, ("gunicorn.workers.gasgi", "run")], "gunicorn:asgi"),
        ([*WORKER, ("uvicorn_worker._workers", "run"), ("uvicorn.server", "serve")], "gunicorn:uvicorn_worker"),
        ([MAIN, ("uvicorn.main", "run")], "uvicorn"),
        ([MAIN, ("django.core.management", "execute"), ("django.utils.autoreload", "run_with_reloader")], "django"),
        ([MAIN, ("django.core.management", "execute")], None),
        ([MAIN], None),
    ],
)
def test_the_server_is_named_from_the_calls(calls, name) -> None:
    assert server_name(calls) == name


def test_a_celery_worker_is_told_from_other_processes_that_know_celery() -> None:
    calls = [MAIN, ("celery.__main__", "main"), ("shop.tasks", "<module>")]
    assert is_celery_worker(calls, ["/bin/celery", "-A", "shop", "worker"])
    assert not is_celery_worker(calls, ["/bin/celery", "-A", "shop", "beat"])
    assert not is_celery_worker([MAIN], ["manage.py", "worker"])


@pytest.mark.parametrize(
    ("calls", "argv", "expected"),
    [
        ([MAIN, ("uvicorn.config", "load"), ("site.asgi", "<module>")], ["uvicorn"], True),
        ([MAIN, ("granian.server.mp", "wrapped")], ["granian"], True),
        ([MAIN], ["manage.py", "runserver", "--noreload"], True),
        ([MAIN], ["manage.py", "migrate"], False),
        ([MAIN, ("celery.__main__", "main")], ["celery", "beat"], False),
    ],
)
def test_a_process_that_a_server_imports_the_app_in_is_known(calls, argv, expected) -> None:
    assert is_server(calls, argv) is expected


def test_another_thread_sees_the_main_threads_calls() -> None:
    seen: list[list[tuple[str, str]]] = []
    thread = threading.Thread(target=lambda: seen.append(main_calls()))
    thread.start()
    thread.join()
    function = sys._getframe().f_code.co_name
    assert function in [name for _, name in seen[0]]
    assert function in [name for _, name in main_calls()]
