"""A bare WSGI app with the one call in it; / answers the serving process's number."""

import json
import os

import heaptide


def serve(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"pid": os.getpid()}).encode()]


app = heaptide.start(serve)
