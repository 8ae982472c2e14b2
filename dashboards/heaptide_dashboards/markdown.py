"""A leak as Markdown, to be pasted into an issue: whatever a name holds, it can't become markup or a mention."""

from __future__ import annotations

import re

from heaptide_dashboards import format as texts
from heaptide_dashboards.fixes import Fix
from heaptide_dashboards.prospects import ceiling_text, forecast_outlook
from heaptide_dashboards.sentences import LEAK_STATES
from heaptide_dashboards.stacks import source_lines
from heaptide_dashboards.views import ExcerptView, FrameView, HopView, LeakPage, PathView

MOST_FRAMES = 30
_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#|~])")
_WORD_JOINER = "\u2060"


def leak_markdown(page: LeakPage, fix: Fix | None = None) -> str:
    """The leak's facts in the order in which somebody who is to mend it needs them."""
    leak = page.leak
    parts = [
        f"## Memory leak: {code(f'{leak.where} {leak.title}'.strip())}",
        plain(page.evidence),
        _table(page),
        _section("What holds it", _path(page.diagnosis.paths[0]) if page.diagnosis and page.diagnosis.paths else ""),
        _section("Types", _types(page)),
        _section("Stack", _stack(page.frames)),
        _section("Source", "\n\n".join(_source(excerpt) for excerpt in page.excerpts if excerpt.lines)),
        _section("What to do", _what_to_do(page, fix)),
        f"Seen by Heaptide: {page.address}" if page.address else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def code(text: str, limit: int = 200) -> str:
    """A name as a code span, its fence longer than any run of backticks in it."""
    text = texts.shorten(texts.visible(text), limit).replace("\n", " ") or " "
    fence = _fence(text, 1)
    edge = " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{fence}{edge}{text}{edge}{fence}"


def plain(text: str) -> str:
    """A sentence with nothing in it that is markup or calls on somebody."""
    escaped = _SPECIAL.sub(r"\\\1", texts.shorten(texts.visible(text), 600))
    return re.sub("([@#])(?=[0-9A-Za-z])", rf"\1{_WORD_JOINER}", escaped)


def _fence(text: str, least: int) -> str:
    longest = max(map(len, re.findall("`+", text)), default=0)
    return "`" * max(least, longest + 1)


def _section(title: str, body: str) -> str:
    return f"### {title}\n\n{body}" if body else ""


def _table(page: LeakPage) -> str:
    leak = page.leak
    rows = [
        ("State", LEAK_STATES[leak.status].word),
        ("Service", code(f"{page.service}, {page.environment}", 80)),
        ("Growth", f"{texts.per_hour_text(leak.bytes_per_hour)} (90 %: {_interval(page)}/h)"),
        ("Per request", texts.growth_text(leak.bytes_per_request)),
        ("Live now", texts.bytes_text(leak.live_bytes)),
        ("Repeats in", f"{texts.plural(leak.generations, 'generation')} of {texts.plural(leak.workers, 'worker')}"),
        ("Confidence", texts.confidence_text(leak.confidence)),
        ("First seen", f"{texts.exact_text(leak.first_seen)}{_release(leak.release)}"),
        ("Memory limit", _limit(page)),
        ("Ceiling", ceiling_text(page.ceiling_bytes) or ""),
    ]
    lines = [f"| {name} | {value.replace('|', chr(92) + '|')} |" for name, value in rows if value]
    return "\n".join(["| | |", "| --- | --- |", *lines])


def _interval(page: LeakPage) -> str:
    return texts.interval_text(page.low_bytes_per_hour, page.high_bytes_per_hour)


def _release(release: str | None) -> str:
    return f", release {code(release, 60)}" if release else ""


def _limit(page: LeakPage) -> str:
    if page.forecast is None:
        return ""
    outlook = forecast_outlook(page.forecast, page.now)
    return f"reached {outlook.text} ({outlook.note})"


def _path(path: PathView) -> str:
    lines = [f"{'  ' * depth}{'-> ' if depth else ''}{_hop(hop)}" for depth, hop in enumerate(path.hops)]
    return _block([f"{texts.plural(path.count, 'sample')}{', held from C' if path.held_from_c else ''}", *lines])


def _hop(hop: HopView) -> str:
    of = f" of {hop.length:,}" if hop.length is not None else ""
    return f"{texts.shorten(hop.name, 120)}: {texts.shorten(hop.type, 80)}{of}"


def _types(page: LeakPage) -> str:
    told = [f"{code(name, 80)} {texts.percent_text(share) if share is not None else ''}" for name, share in page.types]
    return ", ".join(one.strip() for one in told[:5])


def _stack(frames: list[FrameView]) -> str:
    lines = [f"{'*' if frame.in_app else ' '} {frame.file}:{frame.line} {frame.function}" for frame in frames]
    more = [f"  ... and {len(lines) - MOST_FRAMES} more"] if len(lines) > MOST_FRAMES else []
    return _block([texts.shorten(line, 240) for line in lines[:MOST_FRAMES]] + more) if lines else ""


def _source(excerpt: ExcerptView) -> str:
    lines = source_lines(excerpt)
    width = len(str(lines[-1].number))
    body = [f"{'>' if line.marked else ' '} {line.number:>{width}}  {line.text}".rstrip() for line in lines]
    return _block([texts.shorten(f"{excerpt.file}:{excerpt.line} {excerpt.function}", 240), *body])


def _block(lines: list[str]) -> str:
    body = "\n".join(texts.visible(line) for line in lines)
    fence = _fence(body, 3)
    return f"{fence}text\n{body}\n{fence}"


def _what_to_do(page: LeakPage, fix: Fix | None) -> str:
    told = [f"{fix.title}. {fix.text}"] if fix else []
    told += [plain(page.advice.text)] if page.advice else []
    return "\n\n".join(told)
