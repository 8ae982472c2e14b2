"""Where the walker must be built, it is."""

import os

import pytest


def test_the_walker_is_built_where_it_is_required():
    if os.environ.get("HEAPTIDE_REQUIRE_NATIVE") != "1":
        pytest.skip("HEAPTIDE_REQUIRE_NATIVE isn't 1: this installation may lack the walker")
    from heaptide.heap import _walker

    assert _walker.count_types()
