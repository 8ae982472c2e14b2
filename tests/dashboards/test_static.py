"""The files that browsers get."""

from __future__ import annotations

import hashlib
import json
import re

from plotly.offline import get_plotlyjs_version

from heaptide_dashboards import CSP, STATIC

VENDOR = STATIC / "vendor"
LIBRARIES = json.loads((VENDOR / "VENDOR.json").read_text())["libraries"]


def test_vendored_files_are_those_that_were_vendored() -> None:
    for library in LIBRARIES:
        assert hashlib.sha256((VENDOR / library["file"]).read_bytes()).hexdigest() == library["sha256"], library["name"]
        assert (VENDOR / library["licence_file"]).is_file()


def test_every_vendored_file_is_accounted_for() -> None:
    named = {name for library in LIBRARIES for name in (library["file"], library["licence_file"])} | {"VENDOR.json"}
    assert {path.name for path in VENDOR.iterdir()} == named


def test_plotly_js_is_the_version_whose_schema_the_figures_are_checked_against() -> None:
    plotly_js = next(library for library in LIBRARIES if library["npm_package"] == "plotly.js-basic-dist-min")
    assert plotly_js["version"] == get_plotlyjs_version()
    assert f"v{plotly_js['version']}" in (VENDOR / plotly_js["file"]).read_text()[:200]


def test_no_script_of_ours_evaluates_text_or_names_another_host() -> None:
    for path in [*STATIC.glob("*.js"), *STATIC.glob("*.css")]:
        text = path.read_text()
        assert not re.search(r"\beval\(|new Function|innerHTML|https?://", text), path.name


def test_every_colour_of_the_style_sheet_comes_from_its_palette() -> None:
    css = (STATIC / "heaptide.css").read_text()
    assert not re.search(r"#[0-9a-f]{3,8}\b", css.partition("\n}\n")[2])


def test_each_part_that_a_chart_names_has_its_colour() -> None:
    css, script = (STATIC / "heaptide.css").read_text(), (STATIC / "charts.js").read_text()
    names = {name for pair in re.findall(r'colour\("(\w+)"\)|faded\("(\w+)"', script) for name in pair if name}
    assert names
    assert all(f"--{name}:" in css for name in names)
    assert all(f"--series-{key}:" in css for key in range(1, 9))


def test_the_policy_lets_nothing_come_from_elsewhere() -> None:
    assert CSP.startswith("default-src 'none'; ")
    assert "unsafe" not in CSP
    assert "http" not in CSP
