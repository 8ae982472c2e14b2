"""Looks like `starves`, and isn't: as many sync endpoints at once as there are threads, and nobody waits."""

from fastapi import FastAPI
from starves import lifespan, slow

PATH, TIMES, TOGETHER = "/slow", 12, 4
app = FastAPI(lifespan=lifespan)
app.get("/slow")(slow)
