"""Looks like `queries`, and isn't: the same query, awaited."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from fastapi import FastAPI
from queries import DATABASE, PATH, QUERY, TIMES, TOGETHER

__all__ = ["PATH", "TIMES", "TOGETHER", "app"]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with await psycopg.AsyncConnection.connect(DATABASE, autocommit=True) as connection:
        app.state.connection = connection
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/orders/{number}/total")
async def order(number: int) -> int:
    cursor = await app.state.connection.execute(QUERY, [number])
    return (await cursor.fetchone())[0]
