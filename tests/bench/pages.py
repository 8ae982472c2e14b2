"""What the pages take on a store of 90 days, 200 workers and 5,000 sites: the server's time, and a browser's."""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlsplit

import psutil
from tests.bench import fleet, weight
from tests.bench.collectors import await_answer
from tests.bench.table import show

from heaptide_server.demo.processes import free_port

ROUNDS = 20
OF_SERVICE = f"service={fleet.SERVICE}&environment={fleet.ENVIRONMENT}"
LEAK = f"{0:016x}"
PAGES = {
    "services": "/",
    "service, 6 h": f"/services/{fleet.SERVICE}?window=6h",
    "service, 30 d": f"/services/{fleet.SERVICE}?window=30d",
    "leak, 6 h": f"/leaks/{LEAK}?window=6h",
    "leak, 30 d": f"/leaks/{LEAK}?window=30d",
    "leak's chart, 6 h": f"/figures/leak?leak_id={LEAK}&window=6h",
    "leak's chart, 30 d": f"/figures/leak?leak_id={LEAK}&window=30d",
    "compare windows, 6 h": f"/compare?{OF_SERVICE}&window=6h",
    "compare windows, 30 d": f"/compare?{OF_SERVICE}&window=30d",
    "compare releases": f"/compare?{OF_SERVICE}&mode=releases",
    **{
        f"part {name}, {window}": f"/parts/{name}?{OF_SERVICE}&window={window}"
        for name in ("vital", "made", "growth", "types")
        for window in ("1h", "6h", "30d")
    },
    "part vital, threads, 30 d": f"/parts/vital?{OF_SERVICE}&window=30d&metric=threads",
    "part growth, a site, each worker, 6 h": f"/parts/growth?{OF_SERVICE}&window=6h&per=worker&site=1",
    "part growth, a site, each worker, 30 d": f"/parts/growth?{OF_SERVICE}&window=30d&per=worker&site=1",
    "part growth, a site, along age, 30 d": f"/parts/growth?{OF_SERVICE}&window=30d&x=age&site=1",
    "part growth, a release, 30 d": f"/parts/growth?{OF_SERVICE}&window=30d&release=3.39.0",
    "part growth, a worker, 30 d": f"/parts/growth?{OF_SERVICE}&window=30d&worker=host-1/1",
    "checks": f"/checks?{OF_SERVICE}",
    "alerts": "/alerts",
    "collector": "/health",
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "heaptide.db"
        began = time.perf_counter()
        fleet.fill(db, time.time() + 60)
        made = time.perf_counter() - began
        print(f"made in {made:.0f} s", flush=True)
        with _collector(db) as (url, server):
            rows = [_measured(url, server, name, path) for name, path in PAGES.items()]
            size = db.stat().st_size / fleet.MIB
            show(
                f"Pages of {fleet.DAYS} days, {fleet.WORKERS} workers, {fleet.SITES:,} sites ({size:,.0f} MiB, made in "
                f"{made:.0f} s), {ROUNDS} times each",
                ["page", "first, ms", "median, ms", "95th percentile, ms", "server's CPU, ms", "kB"],
                rows,
            )
            if shutil.which("chromium") and shutil.which("chromedriver"):
                weight.main(url, f"/leaks/{LEAK}")


def _measured(url: str, server: psutil.Process, name: str, path: str) -> list[str]:
    times, size, cpu = [], 0, 0.0
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
    for number in range(ROUNDS + 1):
        if number == 1:
            cpu = _cpu_s(server)
        began = time.perf_counter()
        connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        body = answer.read()
        times.append(1000 * (time.perf_counter() - began))
        if answer.status != 200:
            raise RuntimeError(f"{path} was answered with {answer.status}: {body[:300]!r}")
        size = len(body)
    connection.close()
    cpu_ms = 1000 * (_cpu_s(server) - cpu) / ROUNDS
    first, again = times[0], times[1:]
    worst = quantiles(again, n=20, method="inclusive")[-1]
    return [name, f"{first:.0f}", f"{median(again):.0f}", f"{worst:.0f}", f"{cpu_ms:.0f}", f"{size / 1000:.0f}"]


def _cpu_s(server: psutil.Process) -> float:
    spent = server.cpu_times()
    return float(spent.user + spent.system)


@contextmanager
def _collector(db: Path) -> Iterator[tuple[str, psutil.Process]]:
    """`heaptide serve` on the store. Its trends sleep: what they take is measured elsewhere."""
    port = free_port()
    command = [sys.executable, "-m", "heaptide", "serve", "--port", str(port), "--db", str(db)]
    settings = {"HEAPTIDE_TREND_INTERVAL_S": "86400"}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | settings) as process:
        try:
            await_answer(f"http://127.0.0.1:{port}/healthz")
            yield f"http://127.0.0.1:{port}", psutil.Process(process.pid)
        finally:
            process.terminate()
