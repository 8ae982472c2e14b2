"""The demo's own judge must not be fooled."""

from __future__ import annotations

import linecache
from typing import Any

from heaptide_server.demo import truth


def leak(file: str, line: int) -> dict[str, Any]:
    return {"id": f"{file}:{line}", "site": {"file": file, "line": line, "function": "remember"}}


def test_the_true_line_is_the_statement_that_fills_the_cache_without_eviction() -> None:
    file, line = truth.leaking_line()
    assert file == "shop/quotes.py"
    assert linecache.getline(str(truth.FOLDER / file), line).strip().startswith("_QUOTES[number] = ")


def test_a_leak_at_the_true_line_is_found_and_every_other_is_innocent() -> None:
    file, line = truth.leaking_line()
    outcome = truth.compare([leak(file, line), leak(file, line - 1), leak("shop/catalogue.py", 12), {"site": None}])
    assert outcome.found == leak(file, line)
    assert len(outcome.innocent) == 3


def test_nothing_named_is_nothing_found() -> None:
    assert truth.compare([]) == truth.Outcome(None, [])
