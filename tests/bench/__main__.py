"""`make bench`: what Heaptide costs, as ratios in one run. `python -m tests.bench NAME ...` runs some of the parts."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from tests.bench import blocking, diagnosis, gap, heap, ingest, pages, shop, tracer, tracer_instructions

PARTS: dict[str, Callable[[], None]] = {
    "shop": shop.main,
    "gap": gap.main,
    "heap": heap.main,
    "ingest": ingest.main,
    "pages": pages.main,
    "diagnosis": diagnosis.main,
    "blocking": blocking.main,
    "tracer": tracer.main,
    "instructions": tracer_instructions.main,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS), metavar="PART", help=", ".join(PARTS))
    for name in parser.parse_args().parts:
        PARTS[name]()


if __name__ == "__main__":
    main()
