"""The service under measurement: BENCH_PROFILER names the memory profiler that is started before anything else."""

import os
import tempfile


def start(name: str) -> object:
    """Starts a profiler as its users would leave it on; keeps what must stay alive."""
    product, _, setting = name.partition(", ")
    if product == "heaptide":
        from heaptide import tracemalloc_ng

        return tracemalloc_ng.start(32, int(setting.split()[0]) * 1024)
    if product == "tracemalloc":
        import tracemalloc

        return tracemalloc.start(int(setting.split()[0]))
    if product == "ddtrace":
        from ddtrace.profiling.collector import _memalloc

        return _memalloc.start(64, 512 * 1024, True)
    if product == "pyroscope-io":
        import pyroscope

        return pyroscope.configure(application_name="bench", mem_enabled=True, cpu_enabled=False, upload_interval=3600)
    if product == "mprofile":
        import mprofile

        return mprofile.start(max_frames=64, sample_rate=int(setting.split()[0]) * 1024)
    if product == "memray":
        import memray

        tracker = memray.Tracker(tempfile.mkdtemp() + "/memray.bin", trace_python_allocators=bool(setting))
        tracker.__enter__()
        return tracker
    return None


_alive = start(os.environ["BENCH_PROFILER"])

from fastapi import FastAPI, HTTPException  # noqa: E402 # the profiler must see the imports too
from fastapi.responses import JSONResponse  # noqa: E402
from tracer_loops import LOOPS  # noqa: E402

app = FastAPI()


@app.get("/quote")
async def quote(pieces: int = 3) -> dict[str, object]:
    lines = [{"product": f"p-{n}", "pieces": pieces, "price": n * 1.19} for n in range(40)]
    return {"lines": lines, "total": sum(pieces * n * 1.19 for n in range(40))}


@app.get("/dicts")
async def dicts() -> JSONResponse:
    built = [{"id": n, "name": f"item-{n}", "tags": [n, n + 1]} for n in range(5000)]
    return JSONResponse({"built": len(built)})


@app.get("/loops/{name}")
async def loop(name: str) -> JSONResponse:
    if name not in LOOPS:
        raise HTTPException(404)
    LOOPS[name]()
    return JSONResponse({})
