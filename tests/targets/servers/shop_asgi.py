"""A FastAPI app with the one call in it; / answers the serving process's number."""

import os

from fastapi import FastAPI

import heaptide

app = FastAPI()
heaptide.start(app)


@app.get("/")
async def index() -> dict[str, int]:
    return {"pid": os.getpid()}
