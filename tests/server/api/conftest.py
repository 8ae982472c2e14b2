"""A real collector: uvicorn in a thread, a real socket, a real file."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn

from heaptide_server.app import create_app
from heaptide_server.settings import Settings


@contextmanager
def running(settings: Settings) -> Iterator[httpx2.Client]:
    listener = socket.create_server(("127.0.0.1", 0))
    app = create_app(settings.model_copy(update={"port": listener.getsockname()[1]}))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=20) as client:
            # Answered once the store is open: the socket listens already, requests wait for the lifespan.
            client.get("/healthz")
            client.collector = app.state.collector
            yield client
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Callable[..., httpx2.Client]]:
    with ExitStack() as stack:

        def start(**options: Any) -> httpx2.Client:
            return stack.enter_context(running(Settings(db=tmp_path / "heaptide.db", **options)))

        yield start


@pytest.fixture
def client(collector: Callable[..., httpx2.Client]) -> httpx2.Client:
    return collector()


@pytest.fixture
def post(report_headers: dict[str, str], compressed: Callable[[Any], bytes]) -> Callable[..., httpx2.Response]:
    def _post(client: httpx2.Client, body: Any, **headers: str) -> httpx2.Response:
        return client.post("/api/v1/reports", content=compressed(body), headers=report_headers | headers)

    return _post
