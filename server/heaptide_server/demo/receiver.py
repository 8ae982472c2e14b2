"""A webhook receiver as a user would run one: checks the signature, keeps what came."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError


class Receiver:
    """Listens on a free loopback port; verified bodies gather in `received`."""

    def __init__(self, secret: str) -> None:
        self.received: list[dict[str, Any]] = []
        self.refused = 0
        self._secret = secret
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, name="webhook-receiver", daemon=True)

    @property
    def url(self) -> str:
        """The address to configure as the webhook's target."""
        return f"http://127.0.0.1:{self._server.server_port}/alerts"

    def start(self) -> None:
        """Begins to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Ends listening and closes the port."""
        self._server.shutdown()
        self._server.server_close()

    def _take(self, body: bytes, headers: dict[str, str]) -> int:
        try:
            Webhook(self._secret).verify(body, headers)
        except WebhookVerificationError:
            self.refused += 1
            return 401
        self.received.append(json.loads(body))
        return 204

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(receiver._take(body, {k.lower(): v for k, v in self.headers.items()}))
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Stays silent: the terminal belongs to the demo."""

        return Handler
