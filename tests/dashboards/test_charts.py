"""Figures: what stands in them, and that plotly accepts them."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go
import pytest

from heaptide_dashboards import charts
from heaptide_dashboards.axes import bytes_axis, nice_step
from heaptide_dashboards.marks import Marks
from heaptide_dashboards.views import Line, Outlook

MIB = 1 << 20


def trace(figure: dict[str, Any], role: str) -> dict[str, Any]:
    return next(trace for trace in figure["data"] if trace["meta"]["role"] == role)


def roles(figure: dict[str, Any]) -> list[str]:
    return [trace["meta"]["role"] for trace in figure["data"]]


def outlook(line: Line) -> Outlook:
    now = line.times[-1]
    return Outlook(200.0 * MIB, now + 40, now + 20, now + 90)


def all_figures(line: Line) -> list[dict[str, Any]]:
    marks = Marks([line.times[1]], [(line.times[1], "2.5.0")], [(line.times[2], "cache doubled")])
    return [
        charts.resident_set_figure([line], marks, limit_bytes=130.0 * MIB),
        charts.resident_set_figure([line, line], marks, total=line, limit_bytes=200.0 * MIB, outlook=outlook(line)),
        charts.resident_set_figure([line] * 20, Marks()),
        charts.count_figure([line], marks),
        charts.made_of_figure([line, line], [1, 2], marks),
        charts.growth_figure([line, line], marks),
        charts.age_figure([replace(line, times=[0.0, 60.0, 120.0])] * 12, [1, 2, 3] * 4),
        charts.leak_figure([line], Marks([line.times[1]], [(line.times[1], "2.5.0")])),
        charts.growth_figure([], Marks()),
        charts.age_figure([], []),
        charts.made_of_figure([], [], Marks()),
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
    drawn = trace(charts.resident_set_figure([line], Marks()), "series")
    assert drawn["y"][1] is None
    assert drawn["connectgaps"] is False
    assert drawn["text"] == ["100\u00a0MiB", "–", "120\u00a0MiB"]
    assert drawn["x"][0] == line.times[0] * 1000


def test_a_limit_in_sight_is_drawn_and_one_far_above_is_not(line: Line) -> None:
    near = charts.resident_set_figure([line], Marks(), limit_bytes=200.0 * MIB)
    assert trace(near, "limit")["y"] == [200.0 * MIB] * 2
    assert near["layout"]["yaxis"]["range"][1] >= 200 * MIB
    far = charts.resident_set_figure([line], Marks(), limit_bytes=4096.0 * MIB)
    assert roles(far) == ["series"]
    assert far["layout"]["yaxis"]["range"][1] < 200 * MIB


def test_restarts_and_releases_within_the_chart_are_marked(line: Line) -> None:
    outside = line.times[0] - 3600
    marks = Marks([line.times[1], outside], [(line.times[2], "2.5.0"), (outside, "2.4.0")], [(line.times[0], "mark")])
    figure = charts.growth_figure([line], marks)
    assert trace(figure, "restart")["x"] == [line.times[1] * 1000] * 2 + [None]
    assert trace(figure, "release")["text"] == ["", "2.5.0", ""]
    assert trace(figure, "event")["text"] == ["", "mark", ""]


def test_no_more_restarts_are_drawn_than_can_be_told_apart(line: Line) -> None:
    first, last = line.times[0], line.times[-1]
    restarts = [first + (last - first) * number / 50_000 for number in range(50_000)]
    drawn = trace(charts.growth_figure([line], Marks(restarts)), "restart")
    times = [time / 1000 for time in drawn["x"][::3]]
    assert 1000 < len(times) <= 1201
    assert times[0] == first
    assert max(later - earlier for earlier, later in pairwise(times)) < (last - first) / 600


def test_names_of_marks_that_stand_close_together_are_not_written_over_each_other(line: Line) -> None:
    close = line.times[1] + 1
    figure = charts.growth_figure([line], Marks((), [(line.times[1], "2.5.0"), (close, "2.5.1")]))
    drawn = trace(figure, "release")
    assert drawn["text"] == ["", "2.5.0", "", "", "", ""]
    assert drawn["x"][3] == close * 1000


def test_each_series_has_a_place_of_its_own_in_the_palette_until_there_are_too_many(line: Line) -> None:
    few = charts.growth_figure([line] * charts.KEYS, Marks())
    assert [trace["meta"]["key"] for trace in few["data"]] == list(range(1, charts.KEYS + 1))
    assert set(roles(charts.growth_figure([line] * (charts.KEYS + 1), Marks()))) == {"many"}


def test_the_forecast_is_a_cone_from_what_is_used_now_up_to_the_limit(line: Line) -> None:
    figure = charts.resident_set_figure([line], Marks(), total=line, limit_bytes=200.0 * MIB, outlook=outlook(line))
    cone, middle = (trace for trace in figure["data"] if trace["meta"]["role"] == "forecast")
    now, until = line.times[-1] * 1000, figure["layout"]["xaxis"]["range"][1]
    assert (cone["x"][0], cone["y"][0]) == (now, 120 * MIB)
    assert max(cone["x"]) == until
    assert max(cone["y"]) == 200 * MIB
    assert (middle["x"][1], middle["y"][1]) == (now + 40_000, 200 * MIB)
    # Its latest end, 90 s ahead, is out of sight: the lower edge is on its way.
    assert 120 * MIB < cone["y"][-2] < 200 * MIB


def test_a_forecast_that_may_never_come_true_stays_level_at_its_lower_edge(line: Line) -> None:
    never = replace(outlook(line), high=None)
    figure = charts.resident_set_figure([line], Marks(), total=line, outlook=never)
    assert trace(figure, "forecast")["y"][-2:] == [120 * MIB, 120 * MIB]


def test_the_future_never_takes_more_than_a_third_of_the_chart(line: Line) -> None:
    far = replace(outlook(line), exhausted_at=line.times[-1] + 9e6, low=line.times[-1] + 8e6, high=None)
    first, last = charts.resident_set_figure([line], Marks(), total=line, outlook=far)["layout"]["xaxis"]["range"]
    assert (last - line.times[-1] * 1000) / (last - first) == pytest.approx(1 / 3)


def test_of_many_workers_the_lowest_the_median_and_the_highest_are_drawn(line: Line) -> None:
    lines = [replace(line, values=[number * MIB, None, number * MIB]) for number in range(1, 12)]
    figure = charts.resident_set_figure(lines, Marks())
    assert roles(figure) == ["band", "band", "series"]
    assert [drawn["y"][0] for drawn in figure["data"]] == [MIB, 11 * MIB, 6 * MIB]
    assert figure["data"][1]["fill"] == "tonexty"
    assert figure["data"][2]["y"][1] is None


def test_parts_of_a_resident_set_are_stacked(line: Line) -> None:
    figure = charts.made_of_figure([line, line], [1, 5], Marks())
    assert [drawn["stackgroup"] for drawn in figure["data"]] == ["made", "made"]
    assert [drawn["meta"]["key"] for drawn in figure["data"]] == [1, 5]
    assert figure["layout"]["yaxis"]["range"][1] >= 240 * MIB


def test_generations_are_overlaid_by_their_age(line: Line) -> None:
    lines = [replace(line, times=[0.0, 60.0, last]) for last in (120.0, 5400.0)]
    figure = charts.age_figure(lines, [1, 1])
    assert [drawn["x"][-1] for drawn in figure["data"]] == [120, 5400]
    axis = figure["layout"]["xaxis"]
    assert axis["type"] == "linear"
    assert [text.replace("\u00a0", " ") for text in axis["ticktext"]] == ["start", "30 min", "1 h", "1 h 30 min"]


def test_what_is_counted_has_no_unit(line: Line) -> None:
    figure = charts.count_figure([replace(line, values=[3, None, 5])], Marks())
    assert figure["layout"]["yaxis"]["ticktext"] == ["0", "2", "4", "6"]
    assert trace(figure, "series")["text"] == ["3", "–", "5"]


def test_one_leaks_area_is_filled(line: Line) -> None:
    assert trace(charts.leak_figure([line], Marks()), "area")["fill"] == "tozeroy"


def test_a_refresh_keeps_what_the_reader_zoomed_into(line: Line) -> None:
    first, second = (charts.growth_figure([line], Marks()) for _ in range(2))
    assert first["layout"]["uirevision"] == second["layout"]["uirevision"]


def test_a_hostile_name_is_text_to_plotly(line: Line, hostile: str) -> None:
    figure = charts.resident_set_figure([replace(line, name=hostile)], Marks((), [(line.times[1], hostile)]))
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
