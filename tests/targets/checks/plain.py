"""The least that a service is: as ASGI app `asgi` and as WSGI app `wsgi`, which open, hold and make nothing.

WSGI has ways to fail beside: /hang holds the GIL, /hoard fills the memory until the kernel ends it; and where LIFE_S is
set the process ends that many seconds after its start, without a word.
"""

import os
import threading
import time

import heaptide

HOARD = []


async def answer(scope, receive, send):
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def serve(environ, start_response):
    if environ["PATH_INFO"] == "/hang":
        sum(range(10**12))  # one call into C
    while environ["PATH_INFO"] == "/hoard":
        HOARD.append(bytearray(2**20))
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]


def end():
    time.sleep(float(os.environ["LIFE_S"]))
    os._exit(1)


asgi = heaptide.start(answer)
wsgi = heaptide.start(serve)
if "LIFE_S" in os.environ:
    threading.Thread(target=end, daemon=True).start()
