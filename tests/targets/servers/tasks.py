"""A Celery app with the one call in it, its broker a folder; run as a script it sends as many tasks as it is told."""

import os
import sys

from celery import Celery

import heaptide

folder = os.environ["BROKER_FOLDER"]
app = Celery("shop", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": folder,
    "data_folder_out": folder,
    "control_folder": f"{folder}/control",
    "polling_interval": 0.05,
}
heaptide.start(app)


@app.task(name="work")
def work() -> int:
    return os.getpid()


if __name__ == "__main__":
    for _ in range(int(sys.argv[1])):
        work.delay()
