"""Real servers, as users run them, on ports of their own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

TARGETS = Path(__file__).parents[2] / "targets" / "servers"
BIN = Path(sys.executable).parent
REQUESTS = 10

UVICORN = f"{BIN}/uvicorn --port {{port}} --log-level warning"
GUNICORN = f"{BIN}/gunicorn -b 127.0.0.1:{{port}} --log-level warning -w 2"
UVICORN_WORKER = f"{GUNICORN} -k uvicorn_worker.UvicornWorker"
# Where one of its workers dies hypercorn terminates the others, who don't handle it.
HYPERCORN = f"{BIN}/hypercorn --workers 1 -b 127.0.0.1:{{port}} --log-level warning"
GRANIAN = f"{BIN}/granian --workers 2 --respawn-failed-workers --port {{port}} --log-level warning"
CELERY = f"{BIN}/celery --quiet -A tasks worker --loglevel warning --without-gossip --without-mingle"
DJANGO = f"{BIN}/python -m django runserver --settings {{site}}.settings 127.0.0.1:{{{{port}}}}"


class Command(NamedTuple):
    """How a server is started.

    Attributes:
        words: the command line.
        workers: processes that serve.
        replaces: a worker that was killed gets a successor; else the server ends with it.
    """

    words: str
    workers: int = 2
    replaces: bool = True


COMMANDS = {
    "uvicorn": Command(f"{UVICORN} shop_asgi:app", 1, False),
    "uvicorn_workers": Command(f"{UVICORN} --workers 2 shop_asgi:app"),
    "uvicorn_litestar": Command(f"{UVICORN} litestar_shop:app", 1, False),
    "uvicorn_django": Command(f"{UVICORN} django_site.asgi:app", 1, False),
    "gunicorn_sync": Command(f"{GUNICORN} shop_wsgi:app"),
    "gunicorn_sync_preload": Command(f"{GUNICORN} --preload shop_wsgi:app"),
    "gunicorn_gthread_flask": Command(f"{GUNICORN} -k gthread --threads 2 flask_shop:app"),
    "gunicorn_gthread_preload_flask": Command(f"{GUNICORN} -k gthread --threads 2 --preload flask_shop:app"),
    "gunicorn_django": Command(f"{GUNICORN} django_site.wsgi:app"),
    "gunicorn_hooks": Command(f"{GUNICORN} -c gunicorn_hooks.py plain_wsgi:app"),
    "gunicorn_hooks_preload": Command(f"{UVICORN_WORKER} -c gunicorn_hooks.py --preload plain_asgi:app"),
    "gunicorn_uvicorn_worker": Command(f"{UVICORN_WORKER} shop_asgi:app"),
    "gunicorn_uvicorn_worker_preload": Command(f"{UVICORN_WORKER} --preload shop_asgi:app"),
    "gunicorn_asgi": Command(f"{GUNICORN} -k asgi shop_asgi:app"),
    "gunicorn_asgi_preload": Command(f"{GUNICORN} -k asgi --preload shop_asgi:app"),
    "hypercorn": Command(f"{HYPERCORN} shop_asgi:app", 1, False),
    "hypercorn_flask": Command(f"{HYPERCORN} flask_shop:app", 1, False),
    "granian": Command(f"{GRANIAN} --interface asgi shop_asgi:app"),
    "granian_django": Command(f"{GRANIAN} --interface wsgi django_site.wsgi:app"),
    "granian_litestar": Command(f"{GRANIAN} --interface asgi litestar_shop:app"),
    "granian_flask": Command(f"{GRANIAN} --interface wsgi flask_shop:app"),
    "celery_prefork": Command(f"{CELERY} --concurrency 1", 1),
    "celery_solo": Command(f"{CELERY} --pool solo", 1, False),
    "django_runserver": Command(DJANGO.format(site="django_site"), 1, False),
    "threads": Command(f"{BIN}/python threads.py {{port}}", 1, False),
    "flask_reload": Command(f"{BIN}/flask --app flask_shop run --reload --port {{port}}", 1, False),
    "uvicorn_reload": Command(f"{UVICORN} --reload --reload-dir django_site shop_asgi:app", 1, False),
    "run_uvicorn_workers": Command(f"{BIN}/heaptide run -- {UVICORN} --workers 2 plain_asgi:app"),
    "run_gunicorn_sync": Command(f"{BIN}/heaptide run -- {GUNICORN} plain_wsgi:app"),
    "run_gunicorn_uvicorn_worker_preload": Command(f"{BIN}/heaptide run -- {UVICORN_WORKER} --preload plain_asgi:app"),
    "run_gunicorn_asgi": Command(f"{BIN}/heaptide run -- {GUNICORN} -k asgi plain_asgi:app"),
    "run_hypercorn": Command(f"{BIN}/heaptide run -- {HYPERCORN} plain_asgi:app", 1, False),
    "run_celery_prefork": Command(f"{BIN}/heaptide run -- {CELERY.replace('tasks', 'plain_tasks')} --concurrency 1", 1),
    "run_granian": Command(f"{BIN}/heaptide run -- {GRANIAN} --interface wsgi plain_wsgi:app"),
    "run_django_runserver": Command(f"{BIN}/heaptide run -- {DJANGO.format(site='plain_site')}", 1, False),
}


class Server:
    """A server's process group."""

    requests = REQUESTS

    def __init__(self, name: str, words: Sequence[str], port: int, environ: Mapping[str, str]) -> None:
        self.name, self._port = name, port
        self.process = subprocess.Popen(words, cwd=TARGETS, env=environ, start_new_session=True)

    def ask(self) -> None:
        """Makes as many requests as REQUESTS says; a Celery worker asks itself."""
        for _ in range(0 if "celery" in self.name else REQUESTS):
            self.get()

    def runs(self, pid: int) -> bool:
        """Whether a process that lives is one of this server's."""
        return os.getpgid(pid) == self.process.pid

    def get(self) -> int:
        """Asks for /; which process answered."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/", timeout=5) as answer:
            pid: int = json.load(answer)["pid"]
            return pid

    def wait_until_up(self) -> None:
        deadline = time.monotonic() + 60
        while "celery" not in self.name:
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
            except OSError:
                assert self.process.poll() is None, f"{self.name} ended"
                assert time.monotonic() < deadline, f"{self.name} isn't up within 60 s"
                time.sleep(0.02)
            else:
                return

    def terminate(self) -> float:
        """Ends it in good order; how many seconds that took."""
        began = time.monotonic()
        if "runserver" in self.name:  # its reloader kills the child where it is itself terminated: as Ctrl-C does it
            os.killpg(self.process.pid, signal.SIGINT)
        else:
            self.process.terminate()
        self.process.wait(timeout=30)
        return time.monotonic() - began

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=10)


Launch = Callable[..., Server]


@pytest.fixture
def environment() -> dict[str, str]:
    """This process's environment with what is set for the agent in each test."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HEAPTIDE_")}
    return clean | {"HEAPTIDE_INTERVAL": "0.5", "HEAPTIDE_TRACER": "off"}


@pytest.fixture
def commands() -> dict[str, Command]:
    return COMMANDS


@pytest.fixture
def launch(environment: dict[str, str], tmp_path: Path) -> Iterator[Launch]:
    """Starts a server of the table, and makes sure that nothing of it stays. It is its own service."""
    servers: list[Server] = []

    def start(name: str, *, collector: str, options: Sequence[str] = ()) -> Server:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port: int = free.getsockname()[1]
        broker = tmp_path / f"broker-{len(servers)}"
        (broker / "control").mkdir(parents=True)
        words = [word.format(port=port) for word in COMMANDS[name].words.split()]
        environ = environment | {
            "HEAPTIDE_COLLECTOR": collector,
            "HEAPTIDE_SERVICE": name,
            "BROKER_FOLDER": str(broker),
            "TASKS": str(REQUESTS),
        }
        servers.append(Server(name, [*words, *options], port, environ))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()
