"""A FastAPI app that has never heard of Heaptide."""

import os

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def index() -> dict[str, int]:
    return {"pid": os.getpid()}
