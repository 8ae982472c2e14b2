"""Fault: a sync HTTP call in async code, to a server that takes its time."""

import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from fastapi import FastAPI

PATH, TIMES, TOGETHER = "/rates", 5, 1


class Slow(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        time.sleep(0.12)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


upstream = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
threading.Thread(target=upstream.serve_forever, daemon=True).start()
app = FastAPI()


def fetch() -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{upstream.server_port}/") as response:
        return response.status


@app.get("/rates")
async def rates() -> int:
    return fetch()
