"""Runs the corpus: leaks that happened, leaky and fixed, and programs that don't leak, watched by a real collector.

    python -m tests.corpus [--cases NAME ...] [--leaks FOLDER] [--seconds N] [--at-once N] [--json FILE]

Leaks come from shared/leaks beside the checkout, or where HEAPTIDE_LEAKS or --leaks says, and from tests/corpus/known.
HEAPTIDE_TRACER, HEAPTIDE_SAMPLE_BYTES and HEAPTIDE_INTERVAL hold where they are set. Exits with 0 if every verdict was
right.
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.corpus import cases, table
from tests.corpus.cases import Case
from tests.corpus.environments import UninstallableError
from tests.corpus.running import Run, watch, watch_calm

# What leaks outside Python's heap is waited for so many times as long: a resident set climbs for a while in every
# process, so the collector's patience with it is greater.
NATIVE_PATIENCE = 2


@dataclass(frozen=True)
class Outcome:
    """One row of the table, and the runs behind it."""

    row: list[str]
    right: bool
    runs: tuple[Run, ...] = ()


def main() -> int:
    options = _options()
    where = cases.folder(options.leaks)
    if not where.is_dir():
        print(f"No leaks at {where}: say where they are with --leaks or {cases.VARIABLE}.", file=sys.stderr)
    with ThreadPoolExecutor(options.at_once) as pool:
        leaks = list(pool.map(lambda case: _leak(case, options.seconds), cases.cases(where, options.cases)))
    calm = _calm(options)
    runs = [run for outcome in leaks for run in outcome.runs] + calm
    table.show(table.HEAD, [outcome.row for outcome in leaks])
    table.show(table.CALM_HEAD, [table.calm_row(run) for run in calm])
    table.show(table.RUN_HEAD, [table.run_row(run) for run in runs])
    if options.json:
        options.json.write_text(json.dumps({run.program.name: _plain(run) for run in runs}, indent=1))
    return 0 if runs and all(outcome.right for outcome in leaks) and all(map(table.harmless, calm)) else 1


def _leak(case: Case, most_s: float) -> Outcome:
    print(f"{case.name} ...", file=sys.stderr, flush=True)
    try:
        leaky, fixed = watch(case.leaky, case.fixed, most_s * (NATIVE_PATIENCE if case.native else 1))
    except UninstallableError as error:
        return Outcome(table.uninstallable(case, str(error)), right=True)
    row = table.row(case, leaky, fixed)
    print(" | ".join(row), file=sys.stderr, flush=True)
    return Outcome(row, table.right(case, leaky, fixed), (leaky, fixed))


def _calm(options: argparse.Namespace) -> list[Run]:
    programs = cases.calm(options.cases)
    runs: list[Run] = []
    for first in range(0, len(programs), options.calm_at_once):
        together = programs[first : first + options.calm_at_once]
        print(f"{', '.join(program.name for program in together)} ...", file=sys.stderr, flush=True)
        runs += watch_calm(together, options.calm_seconds)
    return runs


def _plain(run: Run) -> dict[str, object]:
    went = {"seconds": run.seconds, "lasted": run.lasted, "ran_s": run.ran_s, "broke": run.broke}
    said = {"leaks": run.leaks, "ever_open": list(run.accused.values())}
    return went | said | {"workers": list(run.workers.values()), "resident": run.resident}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", default=[], metavar="NAME", help="only these, leaks or calm")
    parser.add_argument("--leaks", type=Path, metavar="FOLDER", help="where the leaks are")
    parser.add_argument("--seconds", type=float, default=180, help="longest run of a leaky program (180)")
    parser.add_argument("--at-once", type=int, default=2, metavar="N", help="cases side by side (2)")
    parser.add_argument("--calm-seconds", type=float, default=270, help="run of a program that doesn't leak (270)")
    parser.add_argument("--calm-at-once", type=int, default=3, metavar="N", help="of those side by side (3)")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="everything that the collector said, for a closer look"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
