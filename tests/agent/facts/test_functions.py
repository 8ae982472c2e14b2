"""Finding the function of a line in loaded modules."""

from __future__ import annotations

import os
import sys

import pytest

from heaptide.tracer.functions import FunctionNames

SOURCE = """\
    import functools

    LIMIT = [1]                             # line 3

    def plain(
        first,
        second=(),
    ):
        return [first]                      # line 9

    class Basket:
        class_level = [2]

        def add(self, item):
            return [item]                   # line 15

        @property
        def total(self):
            return [0]                      # line 19

        @staticmethod
        def empty():
            return []                       # line 23

        @functools.cached_property
        def cached(self):
            return [1]                      # line 27

        class Inner:
            def deep(self):
                return {}                   # line 31

    def outer():
        def inner():
            return [                        # line 35
                item
                for item in "abc"           # line 37
            ]
        return inner                        # line 39

    def hide(function):
        def wrapper():
            return function()               # line 43
        return wrapper

    @hide
    def hidden():
        return [1]                          # line 48

    @functools.lru_cache
    def remembered():
        return [2]                          # line 52

    async def served():
        return [3]                          # line 55
    """

LINES = [
    (9, "plain"),
    (15, "add"),
    (19, "total"),
    (23, "empty"),
    (27, "cached"),
    (31, "deep"),
    (34, "outer"),
    (35, "inner"),
    (37, "inner"),
    (39, "outer"),
    (43, "wrapper"),
    (48, "hidden"),
    (52, "remembered"),
    (55, "served"),
    (3, ""),
    (10_000, ""),
]


@pytest.fixture
def shop(write):
    return write("named_shop", SOURCE)


@pytest.mark.parametrize(("line", "function"), LINES)
def test_a_line_is_named_by_the_function_around_it(shop, line, function):
    assert FunctionNames().of(shop.__file__, line) == function


def test_a_file_of_no_loaded_module_has_no_names(tmp_path):
    (tmp_path / "unknown.py").write_text("def f():\n    return 1\n", encoding="utf-8")
    assert FunctionNames().of(str(tmp_path / "unknown.py"), 2) == ""
    assert FunctionNames().of("<string>", 1) == ""


def test_a_module_loaded_later_is_found(write):
    names = FunctionNames()
    assert names.of(write("early_shop", "def f():\n    return []\n").__file__, 2) == "f"
    assert names.of(write("later_shop", "def g():\n    return []\n").__file__, 2) == "g"


def test_a_module_still_loading_is_asked_again(write):
    names = FunctionNames()
    shop = write("loading_shop", "")
    shop.__spec__._initializing = True
    assert names.of(shop.__file__, 2) == ""
    exec(compile("def late():\n    return []\n", shop.__file__, "exec"), vars(shop))
    shop.__spec__._initializing = False
    assert names.of(shop.__file__, 2) == "late"


def test_a_relative_file_name_is_that_of_the_working_directory(shop, monkeypatch):
    monkeypatch.chdir(os.path.dirname(shop.__file__))
    relative = "named_shop.py"
    exec(compile("def started_as_a_script():\n    return []\n", relative, "exec"), vars(shop))
    assert FunctionNames().of(relative, 2) == "started_as_a_script"


def test_no_file_is_read_and_nothing_imported(write, monkeypatch):
    shop = write("gone_shop", "def f():\n    return []\n")
    os.remove(shop.__file__)
    modules = set(sys.modules)
    assert FunctionNames().of(shop.__file__, 2) == "f"
    assert set(sys.modules) == modules


def test_the_attributes_of_an_applications_objects_are_never_touched(write):
    shop = write(
        "proxied_shop",
        """\
        class Proxy:
            def __getattr__(self, name):
                raise RuntimeError(f"the agent read {name}")
            @property
            def __class__(self):
                raise RuntimeError("the agent asked for the class")

        proxy = Proxy()
        """,
    )
    assert FunctionNames().of(shop.__file__, 3) == "__getattr__"


def test_the_files_remembered_are_bounded():
    names = FunctionNames()
    for number in range(300):
        names.of(f"/nowhere/{number}.py", 1)
    assert len(names._files) == 256
