"""A Celery app that knows no Heaptide, its broker a folder; a worker gives itself as many tasks as TASKS says."""

import os

from celery import Celery
from celery.signals import worker_ready

folder = os.environ["BROKER_FOLDER"]
app = Celery("shop", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": folder,
    "data_folder_out": folder,
    "control_folder": f"{folder}/control",
    "polling_interval": 0.05,
}


@app.task(name="work")
def work() -> int:
    return os.getpid()


@worker_ready.connect
def give_work(**_: object) -> None:
    # Here and not from another process: a reader of the folder takes a message that is still being written.
    for _ in range(int(os.environ["TASKS"])):
        work.delay()
