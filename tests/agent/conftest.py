"""The gate turned inside out: what the agent would swallow in an app fails the test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from heaptide.gate import Gate


@pytest.fixture(autouse=True)
def swallowed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Exception]]:
    """Errors that came to the gate; a test that means them takes them out of the list."""
    errors: list[Exception] = []
    count = Gate.swallowed

    def keep(gate: Gate, error: Exception, doing: str) -> None:
        errors.append(error)
        count(gate, error, doing)

    monkeypatch.setattr(Gate, "swallowed", keep)
    yield errors
    assert not errors
