"""A short run under valgrind: no read or write outside of a block, no decision on memory that nothing wrote."""

import shutil
from pathlib import Path

import pytest

SUPPRESSIONS = Path(__file__).with_name("cpython.supp")


@pytest.mark.slow
def test_a_run_with_every_part_of_the_sampler_is_clean_under_valgrind(run):
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind isn't installed")
    run(
        "import threading\n"
        "from heaptide import tracemalloc_ng as t\n"
        "from heaptide.tracer.sampling import SamplingTracer\n"
        "def churn():\n"
        "    kept = []\n"
        "    for i in range(600):\n"
        "        kept.append({str(i): [i] * (i % 50)})\n"
        "        kept.append(bytearray(i)); kept[-1].extend(b'x' * i)\n"
        "        del kept[:-200]\n"
        "    return kept\n"
        "for table_bytes in (1 << 16, 1 << 20):\n"
        "    t.start(16, 64, samples_per_s=1e12, table_bytes=table_bytes)\n"
        "    thread = threading.Thread(target=churn); thread.start()\n"
        "    kept = churn()\n"
        "    for n in range(300): exec(compile(f'def f(): return bytes({n})', str(n), 'exec'), s := {}); s['f']()\n"
        "    thread.join()\n"
        "    tracer = SamplingTracer(); tracer.start()\n"
        "    look = tracer.take(survivor_age_s=0.1, most=20, keep=frozenset({3 << 20 | 3}))\n"
        "    assert look.stacks\n"
        "    t.take_snapshot().statistics('lineno')\n"
        "    t.clear_traces()\n"
        "    kept = churn()\n"
        "    t.stop()\n",
        prefix=("valgrind", "--quiet", "--error-exitcode=9", "--leak-check=no", f"--suppressions={SUPPRESSIONS}"),
        PYTHONMALLOC="malloc",
    )
