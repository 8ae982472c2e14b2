"""A Litestar app with the one call in it; / answers the serving process's number."""

import os

from litestar import Litestar, get

import heaptide


@get("/")
async def index() -> dict[str, int]:
    return {"pid": os.getpid()}


app = Litestar([index])
heaptide.start(app)
