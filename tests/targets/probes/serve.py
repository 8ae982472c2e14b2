"""Serves one of the apps beside this file with uvicorn, asks its path some times at once, and prints the probes' facts.

serve.py NAME [asyncio|uvloop]: the module NAME has `app`, `PATH`, `TIMES`, and `TOGETHER`, how many ask at once.
"""

import importlib
import json
import socket
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import uvicorn

from heaptide.gate import Gate
from heaptide.probes.blocking import BlockingProbe
from heaptide.probes.pools import PoolsProbe

sys.path.insert(0, str(Path(__file__).parent))
target = importlib.import_module(sys.argv[1])
gate = Gate()
blocking, pools = BlockingProbe(gate), PoolsProbe(gate)


def ask(url: str) -> None:
    with urllib.request.urlopen(url, timeout=60) as response:
        response.read()


def drive(server: uvicorn.Server, port: int) -> None:
    while not (server.started and blocking.facts()):
        time.sleep(0.02)
    time.sleep(0.2)
    with ThreadPoolExecutor(target.TOGETHER) as callers:
        list(callers.map(ask, [f"http://127.0.0.1:{port}{target.PATH}"] * target.TIMES))
    time.sleep(0.2)
    print(json.dumps({"blocking": blocking.facts(), "pools": pools.facts(), "errors": gate.errors}), flush=True)
    server.should_exit = True


with socket.create_server(("127.0.0.1", 0)) as listener:
    loop = sys.argv[2] if len(sys.argv) > 2 else "asyncio"
    server = uvicorn.Server(uvicorn.Config(target.app, log_level="warning", loop=loop))
    threading.Thread(target=drive, args=(server, listener.getsockname()[1])).start()
    server.run(sockets=[listener])
