"""A Flask app with the one call in it; / answers the serving process's number."""

import os

from flask import Flask

import heaptide

app = Flask(__name__)
heaptide.start(app)


@app.get("/")
def index() -> dict[str, int]:
    return {"pid": os.getpid()}
