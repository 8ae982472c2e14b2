"""A plain script whose threads work off HTTP requests, counted by hand; it ends in good order on SIGTERM."""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import heaptide


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        heaptide.count_request()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"pid": os.getpid()}).encode())

    def log_message(self, *_: object) -> None:
        pass


heaptide.start()
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
