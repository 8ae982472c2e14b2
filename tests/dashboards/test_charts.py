"""Figures: what stands in them, and that plotly accepts them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import plotly.graph_objects as go
import pytest

from heaptide_dashboards import charts
from heaptide_dashboards.axes import bytes_axis, nice_step
from heaptide_dashboards.views import Line

MIB = 1 << 20


def trace(figure: dict[str, Any], role: str) -> dict[str, Any]:
    return next(trace for trace in figure["data"] if trace["meta"]["role"] == role)


def roles(figure: dict[str, Any]) -> list[str]:
    return [trace["meta"]["role"] for trace in figure["data"]]


def all_figures(line: Line) -> list[dict[str, Any]]:
    restarts, releases = [line.times[1]], [(line.times[1], "2.5.0")]
    return [
        charts.resident_set_figure([line], 130.0 * MIB, restarts, releases),
        charts.resident_set_figure([line] * 20, None, [], []),
        charts.growth_figure([line, line], restarts, releases),
        charts.leak_figure([line], restarts, releases),
        charts.growth_figure([], [], []),
    ]


def test_plotlys_schema_knows_every_property_of_every_figure(line: Line) -> None:
    for figure in all_figures(line):
        go.Figure(data=figure["data"], layout=figure["layout"])


def test_figures_are_json_without_a_nan(line: Line) -> None:
    for figure in all_figures(line):
        assert json.loads(json.dumps(figure, allow_nan=False)) == figure


def test_no_figure_offers_an_upload_or_names_another_host(line: Line) -> None:
    for figure in all_figures(line):
        assert figure["config"]["showSendToCloud"] is False
        assert figure["config"]["plotlyServerURL"] == ""
        assert figure["config"]["displaylogo"] is False
        assert "http" not in json.dumps(figure)


def test_no_figure_has_a_colour_since_they_belong_to_the_theme(line: Line) -> None:
    for figure in all_figures(line):
        assert "color" not in json.dumps(figure)


def test_a_gap_stays_a_gap(line: Line) -> None:
    drawn = trace(charts.resident_set_figure([line], None, [], []), "series")
    assert drawn["y"][1] is None
    assert drawn["connectgaps"] is False
    assert drawn["text"] == ["100\u00a0MiB", "–", "120\u00a0MiB"]
    assert drawn["x"][0] == line.times[0] * 1000


def test_a_limit_in_sight_is_drawn_and_one_far_above_is_not(line: Line) -> None:
    near = charts.resident_set_figure([line], 200.0 * MIB, [], [])
    assert trace(near, "limit")["y"] == [200.0 * MIB] * 2
    assert near["layout"]["yaxis"]["range"][1] >= 200 * MIB
    far = charts.resident_set_figure([line], 4096.0 * MIB, [], [])
    assert roles(far) == ["series"]
    assert far["layout"]["yaxis"]["range"][1] < 200 * MIB


def test_restarts_and_releases_within_the_chart_are_marked(line: Line) -> None:
    outside = line.times[0] - 3600
    figure = charts.growth_figure([line], [line.times[1], outside], [(line.times[2], "2.5.0"), (outside, "2.4.0")])
    assert trace(figure, "restart")["x"] == [line.times[1] * 1000] * 2 + [None]
    assert trace(figure, "release")["text"] == ["", "2.5.0", ""]


def test_each_series_has_a_place_of_its_own_in_the_palette_until_there_are_too_many(line: Line) -> None:
    few = charts.growth_figure([line] * charts.KEYS, [], [])
    assert [trace["meta"]["key"] for trace in few["data"]] == list(range(1, charts.KEYS + 1))
    assert set(roles(charts.growth_figure([line] * (charts.KEYS + 1), [], []))) == {"many"}


def test_one_leaks_area_is_filled(line: Line) -> None:
    assert trace(charts.leak_figure([line], [], []), "area")["fill"] == "tozeroy"


def test_a_refresh_keeps_what_the_reader_zoomed_into(line: Line) -> None:
    first, second = (charts.growth_figure([line], [], []) for _ in range(2))
    assert first["layout"]["uirevision"] == second["layout"]["uirevision"]


def test_a_hostile_name_is_text_to_plotly(line: Line, hostile: str) -> None:
    figure = charts.resident_set_figure([replace(line, name=hostile)], None, [], [(line.times[1], hostile)])
    for text in (trace(figure, "series")["name"], trace(figure, "release")["text"][1]):
        assert "<" not in text
        assert len(text) < 100
        assert text.encode().decode().isprintable()


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 190 * MIB, ["0", "50\u00a0MiB", "100\u00a0MiB", "150\u00a0MiB", "200\u00a0MiB"]),
        (0, 1.9 * 2**30, ["0", "0.5\u00a0GiB", "1\u00a0GiB", "1.5\u00a0GiB", "2\u00a0GiB"]),
        (0, 3, ["0", "1\u00a0B", "2\u00a0B", "3\u00a0B"]),
        (-150 * 1024, 200 * 1024, ["−100\u00a0KiB", "0", "100\u00a0KiB", "200\u00a0KiB"]),
    ],
)
def test_the_axis_of_bytes_has_round_ticks_in_a_binary_unit(low: float, high: float, ticks: list[str]) -> None:
    axis = bytes_axis(low, high)
    assert axis["ticktext"] == ticks
    assert axis["range"][0] <= low
    assert axis["range"][1] >= high


def test_a_little_below_zero_takes_only_a_little_of_the_chart() -> None:
    assert bytes_axis(-1000, 100 * MIB)["range"][0] == -1000


def test_an_axis_without_any_span_is_still_one() -> None:
    assert bytes_axis(0, 0)["range"][1] > 0
    assert bytes_axis(0.0, 1e-9)["range"][1] > 0


@pytest.mark.parametrize(("rough", "step"), [(0.9, 1), (1, 1), (1.1, 2), (2.2, 2.5), (26, 50), (51, 100)])
def test_steps_are_round(rough: float, step: float) -> None:
    assert nice_step(rough) == pytest.approx(step)
