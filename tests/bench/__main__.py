"""`make bench`: what Heaptide costs, as ratios in one run. `python -m tests.bench NAME ...` runs some of the parts."""

from __future__ import annotations

import argparse

from tests.bench import diagnosis, gap, ingest, shop

PARTS = {"shop": shop.main, "gap": gap.main, "ingest": ingest.main, "diagnosis": diagnosis.main}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS), metavar="PART", help=", ".join(PARTS))
    for name in parser.parse_args().parts:
        PARTS[name]()


if __name__ == "__main__":
    main()
