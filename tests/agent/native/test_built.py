"""Whether the sampler is there at all, and what is said where it can't be."""

import os
import runpy
import sysconfig
from pathlib import Path

import pytest

SETUP = str(Path(__file__).parents[3] / "setup.py")


def test_the_sampler_is_built_for_this_interpreter():
    if os.environ.get("HEAPTIDE_REQUIRE_NATIVE") != "1":
        pytest.importorskip("heaptide.tracemalloc_ng", exc_type=ImportError)
    from heaptide import tracemalloc_ng

    assert not tracemalloc_ng.is_tracing()


@pytest.fixture
def extensions(monkeypatch):
    """What setup.py would build."""
    pytest.importorskip("setuptools")
    built = []
    monkeypatch.setattr("setuptools.setup", lambda ext_modules: built.extend(ext_modules))

    def build():
        runpy.run_path(SETUP)
        return built

    return build


def free_threaded(monkeypatch):
    known = sysconfig.get_config_var
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: 1 if name == "Py_GIL_DISABLED" else known(name))


def test_a_free_threaded_build_installs_without_it_and_says_why(monkeypatch, extensions):
    free_threaded(monkeypatch)
    monkeypatch.delenv("HEAPTIDE_REQUIRE_NATIVE", raising=False)
    with pytest.warns(UserWarning, match="free-threaded"):
        assert extensions() == []


def test_a_free_threaded_build_is_refused_where_the_sampler_is_required(monkeypatch, extensions):
    free_threaded(monkeypatch)
    monkeypatch.setenv("HEAPTIDE_REQUIRE_NATIVE", "1")
    with pytest.raises(SystemExit, match="free-threaded"):
        extensions()


@pytest.mark.parametrize(("required", "optional"), [("", True), ("1", False)])
def test_a_failing_compiler_fails_the_installation_only_where_the_sampler_is_required(
    monkeypatch, extensions, required, optional
):
    monkeypatch.setenv("HEAPTIDE_REQUIRE_NATIVE", required)
    built = extensions()
    assert [extension.name for extension in built] == ["heaptide.tracemalloc_ng._sampler", "heaptide.heap._walker"]
    for extension in built:
        assert extension.optional is optional
        assert extension.sources
        assert all((Path(SETUP).parent / path).exists() for path in [*extension.sources, *extension.depends])
