"""Fault: a sync query in async code, on a database that takes its time."""

import os

import psycopg
from fastapi import FastAPI

PATH, TIMES, TOGETHER = "/orders/17/total", 5, 1
DATABASE = os.environ["DATABASE"]
QUERY = "select %s::int from pg_sleep(0.12)"
app = FastAPI()
connection = psycopg.connect(DATABASE, autocommit=True)


def total(number: int) -> int:
    cursor = connection.execute(QUERY, [number])
    row = cursor.fetchone()
    return row[0] if row else 0


@app.get("/orders/{number}/total")
async def order(number: int) -> int:
    return total(number)
