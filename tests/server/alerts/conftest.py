"""A receiver of webhooks that does what receivers do, and a courier to write to it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from heaptide_server.alerts import tables
from heaptide_server.alerts.addresses import AddressPolicy
from heaptide_server.alerts.delivery import Courier
from heaptide_server.alerts.line import Limits
from heaptide_server.alerts.sample import Announcement, sample_pair
from heaptide_server.alerts.signing import new_secret
from heaptide_server.alerts.targets import Target
from heaptide_server.model import Leak
from heaptide_server.store.connections import connect, transaction

Behaviour = Callable[[BaseHTTPRequestHandler], None]
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


@dataclass
class Arrival:
    """A request that came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A real HTTP server; each request takes the next behaviour, and 204 when none is left."""

    arrivals: list[Arrival] = field(default_factory=list)
    behaviours: list[Behaviour] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook/T0K3N-in-path"

    def will(self, *behaviours: Behaviour) -> None:
        self.behaviours.extend(behaviours)

    def answer(self, status: int, body: bytes = b"", **headers: str) -> Behaviour:
        def behave(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)

        return behave

    def hang(self, handler: BaseHTTPRequestHandler) -> None:
        self.released.wait(20)

    def close_early(self, handler: BaseHTTPRequestHandler) -> None:
        handler.connection.shutdown(socket.SHUT_RDWR)

    def break_off(self, handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\npart")
        handler.connection.shutdown(socket.SHUT_RDWR)

    def drip(self, handler: BaseHTTPRequestHandler) -> None:
        for _ in range(400):
            try:
                handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            except OSError:
                return
            if self.released.wait(0.02):
                return

    def flood(self, handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        try:
            while not self.released.is_set():
                handler.wfile.write(b"x" * 65536)
        except OSError:
            self.flood_ended = True

    flood_ended: bool = False

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.arrivals.append(Arrival(handler.path, headers, body))
        self.arrived.set()
        (self.behaviours.pop(0) if self.behaviours else self.answer(204))(handler)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    it = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            it.handle(self)

        def log_message(self, *_: Any) -> None:
            """Keeps the tests' output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    it.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield it
    it.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "heaptide.db"
    with connect(file) as db:
        tables.migrate(db)
    return file


@pytest.fixture
def secret() -> str:
    return new_secret()


@pytest.fixture
def policy() -> AddressPolicy:
    return AddressPolicy(LOOPBACK)


@pytest.fixture
def target(receiver: Receiver, secret: str, policy: AddressPolicy) -> Target:
    return Target("webhook", receiver.url, (secret,), "generic", policy)


@pytest.fixture
def leak() -> Leak:
    return replace(sample_pair(1_000_000.0)[0].leak, id="f00d", service="shop", environment="production")


@pytest.fixture
def courier_to(path: Path) -> Callable[..., Courier]:
    """Makes a courier without jitter and with short limits."""

    def build(*targets: Target, **options: Any) -> Courier:
        defaults: dict[str, Any] = {"random": lambda: 0.0, "limits": Limits(0.5, 0.5)}
        leak_json = options.pop("leak_json", lambda leak: {"id": leak.id})
        return Courier(path, targets, "http://collector.example/", leak_json, **{**defaults, **options})

    return build


@pytest.fixture
def courier(courier_to: Callable[..., Courier], target: Target) -> Courier:
    return courier_to(target)


@pytest.fixture
def tell(path: Path) -> Callable[..., None]:
    """Enqueues notices as the leaks' ledger does: in its own transaction."""

    def enqueue(courier: Courier, leak: Leak, *kinds: str, now: float | None = None) -> None:
        with connect(path) as db, transaction(db):
            courier.enqueue(db, [Announcement(kind, leak) for kind in kinds], time.time() if now is None else now)

    return enqueue
