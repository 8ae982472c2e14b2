"""Runs a target by name and prints what the walk finds: `python run.py module_attribute`."""

from __future__ import annotations

import importlib
import json
import os
import sys

from heaptide.heap import retention

SIZE = 8  # of the block's beginning; the walk looks up the object's address


def main() -> None:
    target = importlib.import_module(sys.argv[1])
    addresses = target.hold()
    result = retention.find([(address, SIZE) for address in addresses], pause_budget_s=5)
    if isinstance(result, retention.Refused):
        sys.exit(result.reason)
    print(
        json.dumps(
            {
                "expected": [target.EXPECTED, getattr(target, "ALSO", "")],
                "paths": [[path.count, str(path)] for path in result.paths],
                "fates": [one.fate for one in result.found.values()],
                "note": result.note,
            }
        ),
        flush=True,
    )
    os._exit(0)  # what a target left behind, a thread say, needs no farewell


main()
