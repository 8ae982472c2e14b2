"""Runs the corpus: real leaks, leaky and fixed, and programs that don't leak, each watched by a real collector.

    python -m tests.corpus [--cases NAME ...] [--leaks FOLDER] [--seconds N] [--json FILE]

Real leaks come from shared/leaks beside the checkout, or where HEAPTIDE_LEAKS or --leaks says. HEAPTIDE_TRACER,
HEAPTIDE_SAMPLE_BYTES and HEAPTIDE_INTERVAL hold where they are set. Exits with 0 if every verdict was right.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.corpus import cases, table
from tests.corpus.environments import UninstallableError
from tests.corpus.running import Run, watch, watch_calm

CALM_AT_ONCE = 3


def main() -> int:
    options = _options()
    where = cases.folder(options.leaks)
    runs: list[Run] = []
    rows, wrong = [], 0
    if not where.is_dir():
        print(f"No real leaks at {where}: say where they are with --leaks or {cases.VARIABLE}.", file=sys.stderr)
    for case in cases.cases(where, options.cases):
        print(f"{case.name} ...", file=sys.stderr, flush=True)
        try:
            leaky, fixed = watch(case.leaky, case.fixed, options.seconds)
        except UninstallableError as error:
            rows.append(table.uninstallable(case, str(error)))
            continue
        runs += [leaky, fixed]
        rows.append(table.row(case, leaky, fixed))
        wrong += not table.right(case, leaky, fixed)
        print(" | ".join(rows[-1]), file=sys.stderr, flush=True)
    calm = _calm(options)
    wrong += sum(map(table.accused, calm))
    if rows:
        table.show(table.HEAD, rows)
    if calm:
        table.show(table.CALM_HEAD, [table.calm_row(run) for run in calm])
    if options.json:
        options.json.write_text(json.dumps({run.program.name: _plain(run) for run in runs + calm}, indent=1))
    return 1 if wrong or not (runs or calm) else 0


def _calm(options: argparse.Namespace) -> list[Run]:
    programs = cases.calm(options.cases)
    runs: list[Run] = []
    for first in range(0, len(programs), CALM_AT_ONCE):
        together = programs[first : first + CALM_AT_ONCE]
        print(f"{', '.join(program.name for program in together)} ...", file=sys.stderr, flush=True)
        runs += watch_calm(together, max(options.seconds, options.calm_seconds))
    return runs


def _plain(run: Run) -> dict[str, object]:
    said = {"leaks": run.leaks, "ever_open": list(run.accused.values()), "worker": run.worker, "resident": run.resident}
    return {"seconds": run.seconds, "ran_s": run.ran_s, "broke": run.broke, **said}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", default=[], metavar="NAME", help="only these, real or calm")
    parser.add_argument("--leaks", type=Path, metavar="FOLDER", help="where the real leaks are")
    parser.add_argument("--seconds", type=float, default=90, help="longest run of a leaky program (90)")
    parser.add_argument("--calm-seconds", type=float, default=150, help="run of a program that doesn't leak (150)")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="everything that the collector said, for a closer look"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
