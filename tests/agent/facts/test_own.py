"""Telling the agent's memory from the application's."""

from __future__ import annotations

import json
import os

import pytest

import heaptide
from heaptide.tracer.own import is_own

AGENT = os.path.join(os.path.dirname(heaptide.__file__), "transport.py")
STDLIB = json.__file__
LIBRARY = os.path.join(os.path.dirname(os.__file__), "site-packages", "starlette", "routing.py")
APP = "/srv/shop/quotes.py"


@pytest.mark.parametrize(
    ("stack", "own"),
    [
        ([AGENT, STDLIB], True),
        ([STDLIB, AGENT, APP], True),
        (["<frozen importlib._bootstrap>", AGENT], True),
        ([APP, AGENT], False),
        ([STDLIB, APP, AGENT], False),
        ([LIBRARY, AGENT], False),
        ([STDLIB, STDLIB], False),
        ([os.path.dirname(heaptide.__file__) + "_server/app.py"], False),
    ],
)
def test_the_first_frame_outside_the_standard_library_decides(stack, own):
    assert is_own(tuple((filename, 1) for filename in stack)) is own
