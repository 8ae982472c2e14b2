"""Looks like `holds_gil`, and isn't: as long a call into C that lets go of the GIL, and a sleep, in threads."""

import hashlib
import time

from fastapi import FastAPI

PATH, TIMES, TOGETHER = "/report", 6, 2
LARGE = bytes(100 * 2**20)
app = FastAPI()


@app.get("/report")
def report() -> str:
    time.sleep(0.12)
    return hashlib.sha256(LARGE).hexdigest()
