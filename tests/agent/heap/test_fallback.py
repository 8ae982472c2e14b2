"""Where the walker wasn't built, objgraph finds what holds a few objects of a small heap."""

from __future__ import annotations

SCRIPT = """
import gc, json, sys
from heaptide.heap import retention
retention._walker = None
gc.disable()
class Kept: pass
class Alone: pass
KEPT = {"a": [Kept()]}
alone = Alone()
alone.me = alone
address = id(alone)
del alone
MANY = [[] for _ in range(int(sys.argv[1]))]
result = retention.find([(id(KEPT["a"][0]), 8), (address, 8)])
print(json.dumps([getattr(result, "reason", None), [str(path) for path in getattr(result, "paths", [])],
                  [one.fate for one in getattr(result, "found", {}).values()]]))
"""


def test_objgraphs_chain_reads_like_the_walkers_path(run):
    reason, paths, fates = run(SCRIPT, "0")
    assert reason is None
    assert paths == ["__main__.KEPT: dict of 1 -> ['a']: list of 1 -> [index]: Kept"]
    assert sorted(fates) == ["-", "h"]


def test_a_large_heap_is_refused(run):
    reason, _, _ = run(SCRIPT, "30000")
    assert "objgraph would stop" in reason
