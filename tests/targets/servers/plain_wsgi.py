"""A WSGI app that has never heard of Heaptide."""

import json
import os


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"pid": os.getpid()}).encode()]
