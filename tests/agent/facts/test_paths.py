"""Naming files: relative to where Python found them, and whose they are."""

from __future__ import annotations

import os
import sys
import sysconfig
import zipfile
from types import ModuleType

import pytest

import heaptide
from heaptide.paths import Places

STDLIB = sysconfig.get_paths()["stdlib"]
VENV = "/srv/shop/.venv/lib/python3.11/site-packages"
PATH = ["/srv/shop", "/usr/lib/python3.99", VENV, "/srv/shop/vendored.zip", f"{VENV}/plugins", f"{VENV}/old-1.0.egg"]


@pytest.mark.parametrize(
    ("filename", "placed"),
    [
        ("/srv/shop/quotes.py", ("quotes.py", True)),
        ("/srv/shop/shop/api/quotes.py", ("shop/api/quotes.py", True)),
        (f"{VENV}/starlette/routing.py", ("starlette/routing.py", False)),
        (f"{VENV}/plugins/discount.py", ("discount.py", True)),
        (f"{VENV}/old-1.0.egg/old/core.py", ("old/core.py", False)),
        ("/srv/shop/vendored.zip/vendored/core.py", ("vendored/core.py", True)),
        ("/usr/lib/python3/dist-packages/apt/cache.py", ("apt/cache.py", False)),
        (f"{STDLIB}/json/decoder.py", ("json/decoder.py", False)),
        (f"{STDLIB}/lib-dynload/thing.py", ("lib-dynload/thing.py", False)),
        (f"{STDLIB}/site-packages/numpy/core.py", ("numpy/core.py", False)),
        ("/srv/shopping/cart.py", ("shopping/cart.py", True)),
        ("/home/ann/secret project/work/shop/quotes.py", ("shop/quotes.py", True)),
        ("/lonely.py", ("lonely.py", True)),
        ("<string>", ("<string>", False)),
        ("<frozen importlib._bootstrap>", ("<frozen importlib._bootstrap>", False)),
        ("", ("<unknown>", False)),
    ],
)
def test_the_longest_entry_decides(filename, placed):
    assert Places(PATH).place(filename) == placed


def test_the_agents_own_files_are_nobodys_app():
    own = os.path.join(os.path.dirname(heaptide.__file__), "wire.py")
    assert Places([os.path.dirname(own), *PATH]).place(own) == ("heaptide/wire.py", False)


def test_the_collectors_own_package_is_not_mistaken_for_the_agents():
    other = os.path.dirname(heaptide.__file__) + "_server/app.py"
    assert Places([os.path.dirname(os.path.dirname(heaptide.__file__))]).place(other) == (
        "heaptide_server/app.py",
        True,
    )


def test_the_working_directory_as_an_entry_and_relative_names_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    places = Places(["", "lib"])
    assert places.place(str(tmp_path / "shop" / "quotes.py")) == ("shop/quotes.py", True)
    assert places.place("app.py") == ("app.py", True)
    assert places.place("./lib/../lib/prices.py") == ("prices.py", True)


def test_a_relative_name_under_no_entry_tells_nothing_of_the_folders_above(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Places(["/elsewhere"]).place("app.py") == ("app.py", True)
    assert Places(["/elsewhere"]).place("../../one/two/app.py") == ("two/app.py", True)


def test_a_working_directory_that_is_gone_is_no_error(tmp_path, monkeypatch):
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert Places(["", "/srv"]).place("app.py") == ("app.py", True)


def test_a_module_in_a_zip_is_named_within_it(tmp_path, monkeypatch):
    archive = tmp_path / "bundle.zip"
    with zipfile.ZipFile(archive, "w") as bundle:
        bundle.writestr("bundled_shop/__init__.py", "def f(): pass\n")
    monkeypatch.syspath_prepend(str(archive))
    import bundled_shop

    try:
        assert Places().place(bundled_shop.f.__code__.co_filename) == ("bundled_shop/__init__.py", True)
    finally:
        del sys.modules["bundled_shop"]


def test_an_editable_install_through_a_finder_keeps_its_packages_name(tmp_path, monkeypatch):
    # Such an install puts no folder on sys.path: a finder of its own knows where the package lies.
    shop = ModuleType("editable_shop")
    shop.__path__ = [str(tmp_path / "src" / "editable_shop")]
    monkeypatch.setitem(sys.modules, "editable_shop", shop)
    deep = str(tmp_path / "src" / "editable_shop" / "api" / "v1" / "quotes.py")
    assert Places(["/elsewhere"]).place(deep) == ("editable_shop/api/v1/quotes.py", True)


def test_entries_added_to_sys_path_later_count_for_files_not_seen_before(monkeypatch):
    places = Places()
    assert places.place("/late/one/two/first.py") == ("two/first.py", True)
    monkeypatch.syspath_prepend("/late")
    assert places.place("/late/one/two/second.py") == ("one/two/second.py", True)
    assert places.place("/late/one/two/first.py") == ("two/first.py", True), "a site keeps its name"


def test_entries_that_are_not_text_are_passed_over():
    assert Places([b"/srv", None, "/srv"]).place("/srv/a/b/c.py") == ("a/b/c.py", True)


def test_the_answers_remembered_are_bounded():
    places = Places(["/srv"])
    for number in range(8_300):
        places.place(f"/srv/{number}.py")
    assert len(places._known) == 8_192
    assert places.place("/srv/0.py") == ("0.py", True)
