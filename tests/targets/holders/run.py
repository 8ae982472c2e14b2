"""Runs a target by name and prints what the walk finds: `python run.py module_attribute`.

A target's `hold()` returns addresses of its objects. It says by EXPECTED, and ALSO, what their path reads like; or by
FATE that nobody holds them ("g") or the agent alone ("o"). KIND is their type; `find` a way to call the walk.
"""

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
    find = getattr(target, "find", retention.find)
    result = find([(address, SIZE) for address in addresses], pause_budget_s=60, time_limit_s=50)
    if isinstance(result, retention.Refused):
        sys.exit(result.reason)
    print(
        json.dumps(
            {
                "fate": getattr(target, "FATE", "h"),
                "type": getattr(target, "KIND", "held.Held"),
                "expected": [getattr(target, "EXPECTED", ""), getattr(target, "ALSO", "")],
                "types": [one.type for one in result.found.values()],
                "paths": [[path.count, str(path)] for path in result.paths],
                "fates": [one.fate for one in result.found.values()],
                "note": result.note,
            }
        ),
        flush=True,
    )
    os._exit(0)  # what a target left behind, a thread say, needs no farewell


main()
