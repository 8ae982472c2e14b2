"""Plain data to draw pages from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from heaptide_dashboards import render
from heaptide_dashboards.choices import Choice
from heaptide_dashboards.marks import Marks
from heaptide_dashboards.views import (
    FrameView,
    GrowthPart,
    LeakPage,
    LeakRow,
    Line,
    MadePart,
    ServicePage,
    ServiceRow,
    SiteRow,
    Subject,
    TypeRow,
    TypesPart,
    VitalPart,
    WorkerRow,
)

NOW = 1_800_000_000.0
MIB = 1 << 20
LINE = Line("worker 1", [NOW - 120, NOW - 60, NOW], [100.0 * MIB, None, 120.0 * MIB])
LEAK = LeakRow(
    "lk", "open", "site", "remember", "shop/quotes.py:41", 14.2 * MIB, 205.0, 17.0 * MIB, 2, 7, 0.9999, NOW - 9000,
    NOW - 20, "2.4.0",
)  # fmt: skip


@pytest.fixture
def now() -> float:
    return NOW


@pytest.fixture
def line() -> Line:
    return LINE


@pytest.fixture
def leak_row() -> Callable[..., LeakRow]:
    return lambda **facts: replace(LEAK, **facts)


@pytest.fixture
def service_row() -> Callable[..., ServiceRow]:
    row = ServiceRow("shop", "production", 0, 0, 2, 100.0 * MIB, None, None, "2.4.0", NOW - 12, [1.0, 2.0])
    return lambda **facts: replace(row, **facts)


@pytest.fixture
def service_page() -> Callable[..., ServicePage]:
    worker = WorkerRow(1, 3, 4711, "web-1", "alive", 100.0 * MIB, 1180, NOW - 600, NOW - 12, None, "exact", 0.01)
    page = ServicePage(
        NOW, "shop", "production", Choice(), [LEAK], None, [worker], ["production"], ["web-1/1"], ["2.4.0"], alive=1
    )
    return lambda **facts: replace(page, **facts)


@pytest.fixture
def parts() -> Callable[..., list[str]]:
    """Every part of a service's page as HTML, of a line, names and marks that are given."""

    def drawn(line: Line, name: str = "dict", marks: Marks | None = None, **chosen: Any) -> list[str]:
        subject = Subject(NOW, "shop", "production", Choice(**chosen))
        marks = marks or Marks()
        site = SiteRow(name, name, True, 5.0 * MIB, 17.0 * MIB, "lk", 7)
        of_parts = [replace(line, name="Python"), replace(line, name="native")]
        return [
            render.vital_html(VitalPart(subject, [line], marks)),
            render.growth_html(GrowthPart(subject, [site], [(1, line)], marks)),
            render.growth_html(GrowthPart(subject, [site], [(1, line)], marks, site, 3)),
            render.made_html(MadePart(subject, of_parts, marks)),
            render.types_html(TypesPart(subject, [TypeRow(name, 48_211, 50_000)], True)),
        ]

    return drawn


@pytest.fixture
def leak_page() -> Callable[..., LeakPage]:
    frames = [FrameView("shop/quotes.py", "remember", 41, True), FrameView("fastapi/routing.py", "app", 301, False)]
    page = LeakPage(
        NOW, LEAK, "shop", "production", "Grew in each generation.", 12.9 * MIB, 15.3 * MIB, None, [LINE], frames,
        [("dict", 0.8)],
    )  # fmt: skip
    return lambda **facts: replace(page, **facts)


@pytest.fixture(
    params=["<script>alert(1)</script>", "f" * 10_000, "a\u202egpj.exe", "bell\x07 null\x00", "\ud800", "\N{ROCKET}"]
)
def hostile(request: pytest.FixtureRequest) -> Any:
    return request.param
