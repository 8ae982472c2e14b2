"""Turns each page's plain data into HTML."""

from __future__ import annotations

from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from heaptide_dashboards import (
    alerts,
    assets,
    bars,
    charts,
    checks,
    choices,
    comparing,
    fixes,
    flame,
    health,
    keyboard,
    markdown,
    prospects,
    sentences,
    sources,
    sparkline,
    stacks,
    tables,
    trend,
    windows,
)
from heaptide_dashboards import format as texts
from heaptide_dashboards.alerts import AlertsPage
from heaptide_dashboards.checks import ChecksPage
from heaptide_dashboards.comparing import ComparePage
from heaptide_dashboards.health import HealthPage
from heaptide_dashboards.views import (
    GrowthPart,
    LeakPage,
    MadePart,
    ServicePage,
    ServicesPage,
    Subject,
    TypesPart,
    VitalPart,
)


def prepare() -> None:
    """Compiles all templates, which the first reader of each page would wait for."""
    environment = _environment()
    for name in environment.list_templates():
        environment.get_template(name)


def services_html(page: ServicesPage) -> str:
    """The list of services; with no rows, how to connect the first one."""
    template = "services.html" if page.rows else "empty.html"
    return _render(template, page=page, rows=sentences.by_alarm(page.rows), refresh_s=5.0 if page.rows else 2.0)


def service_html(page: ServicePage) -> str:
    """One service in one environment."""
    awake, at_rest = sentences.ranked(page.leaks)
    return _render(
        "service.html",
        page=page,
        subject=page.subject,
        refresh_s=windows.refresh_s(windows.WINDOWS[page.choice.window]),
        verdict=sentences.page_verdict(page),
        awake=awake,
        at_rest=at_rest,
    )


def vital_html(part: VitalPart) -> str:
    """The first chart of a service's page: a metric of each worker."""
    metric = choices.METRICS[part.subject.choice.metric]
    figure = (
        charts.count_figure(part.lines, part.marks)
        if metric.counted
        else charts.resident_set_figure(
            part.lines, part.marks, total=part.total, limit_bytes=part.limit_bytes, outlook=part.outlook
        )
    )
    words = [(name, one.word) for name, one in choices.METRICS.items()]
    return _render("part_vital.html", part=part, subject=part.subject, metric=metric, metric_words=words, figure=figure)


def made_html(part: MadePart) -> str:
    """What resident sets were made of over time."""
    keys = [bars.PARTS[line.name][0] for line in part.lines]
    figure = charts.made_of_figure(part.lines, keys, part.marks)
    return _render("part_made.html", part=part, subject=part.subject, keys=keys, figure=figure)


def growth_html(part: GrowthPart) -> str:
    """Growth per allocation site: chart and list."""
    keys, lines = [key for key, _ in part.lines], [line for _, line in part.lines]
    by_age = part.subject.choice.x == "age"
    figure = charts.age_figure(lines, keys) if by_age else charts.growth_figure(lines, part.marks, keys)
    return _render(
        "part_growth.html", part=part, subject=part.subject, keys=keys, lines=lines, by_age=by_age, figure=figure
    )


def types_html(part: TypesPart) -> str:
    """Object types by growth."""
    return _render("part_types.html", part=part, subject=part.subject)


def leak_html(page: LeakPage) -> str:
    """One leak."""
    found = page.diagnosis
    fix = fixes.fix_for(page.leak.kind, found.paths if found else (), found.garbage_share if found else None)
    return _render(
        "leak.html",
        page=page,
        fix=fix,
        trend=trend.of_page(page),
        issue_lines=markdown.leak_markdown(page, fix).splitlines(),
        refresh_s=windows.refresh_s(page.window_s),
        window=windows.window_name(page.window_s),
        runs=stacks.runs(page.frames),
    )


def alerts_html(page: AlertsPage) -> str:
    """Where alerts go, and what became of them; with no target, how to configure one."""
    return _render("alerts.html", page=page, refresh_s=5.0)


def checks_html(page: ChecksPage) -> str:
    """What fails in production: findings with evidence and a fix."""
    return _render("checks.html", page=page, refresh_s=15.0)


def compare_html(page: ComparePage, address: str) -> str:
    """Two windows or two releases of a service; `address` is the page's own."""
    return _render("compare.html", page=page, graph=flame.flame(page.rows), address=address, refresh_s=None)


def health_html(page: HealthPage) -> str:
    """The collector's own health."""
    return _render("health.html", page=page, refresh_s=5.0)


def error_html(status: int, title: str, text: str) -> str:
    """A page that says what went wrong and what to do."""
    return _render("error.html", status=status, title=title, text=text, refresh_s=None)


def service_url(service: str, environment: str, window: str | None = None) -> str:
    """The address of a service's page."""
    query = {"environment": environment} | ({"window": window} if window else {})
    return f"/services/{quote(service, safe='', errors='replace')}?{urlencode(query, errors='replace')}"


def leak_url(leak_id: str, action: str | None = None) -> str:
    """The address of a leak's page, or of something to do to it."""
    return f"/leaks/{quote(leak_id, safe='', errors='replace')}" + (f"/{action}" if action else "")


def choice_url(subject: Subject, **changes: Any) -> str:
    """The address of a service's page with what was chosen, some of it changed."""
    query = {"environment": subject.environment} | subject.choice.query(**changes)
    return f"/services/{quote(subject.service, safe='', errors='replace')}?{urlencode(query, errors='replace')}"


def part_url(name: str, subject: Subject) -> str:
    """The address of a part of a service's page."""
    query = {"service": subject.service, "environment": subject.environment} | subject.choice.query()
    return f"/parts/{name}?{urlencode(query, errors='replace')}"


def live_url(service: str, environment: str) -> str:
    """The address of the stream that tells when a service has reported."""
    return f"/live?{urlencode({'service': service, 'environment': environment}, errors='replace')}"


def figure_url(name: str, **query: str) -> str:
    """The address of a chart's figure."""
    return f"/figures/{name}?{urlencode(query, errors='replace')}"


def _render(template: str, **values: Any) -> str:
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("heaptide_dashboards"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters |= {
        "ago": texts.ago_text,
        "ahead": texts.ahead_text,
        "bytes": texts.bytes_text,
        "confidence": texts.confidence_text,
        "count": texts.count_text,
        "duration": texts.duration_text,
        "exact": texts.exact_text,
        "exact_bytes": texts.exact_bytes_text,
        "growth": texts.growth_text,
        "iso": texts.iso_text,
        "milliseconds": health.milliseconds_text,
        "latency": alerts.latency_text,
        "per_hour": texts.per_hour_text,
        "percent": texts.percent_text,
        "plural": texts.plural,
        "shorten": texts.shorten,
    }
    environment.globals |= {
        "CHECK_SEVERITIES": checks.SEVERITIES,
        "AGAINST": comparing.AGAINST,
        "CHANGES": comparing.CHANGES,
        "COSTLY_SHARE": health.COSTLY_SHARE,
        "DELIVERY_STATES": alerts.DELIVERY_STATES,
        "FORMATS": alerts.FORMATS,
        "JOBS": health.JOBS,
        "JOB_STATES": health.JOB_STATES,
        "KEYS": charts.KEYS,
        "LINE_BREAK": Markup("\n"),
        "LEAK_STATES": sentences.LEAK_STATES,
        "MUTE_MIB": prospects.MUTE_MIB,
        "OUTCOMES": health.OUTCOMES,
        "ROW_PX": flame.ROW_PX,
        "SHOWN": tables.SHOWN,
        "SPARK": (sparkline.WIDTH, sparkline.HEIGHT),
        "TRIAL_STATES": alerts.TRIAL_STATES,
        "WINDOWS": windows.WINDOWS,
        "WINDOW_WORDS": tuple((name, name) for name in windows.WINDOWS),
        "WORKER_STATES": sentences.WORKER_STATES,
        "age_bars": bars.age_bars,
        "alert_action_url": alerts.alert_action_url,
        "alerts_url": alerts.alerts_url,
        "alerts_verdict": alerts.alerts_verdict,
        "beside": trend.beside,
        "ceiling_text": prospects.ceiling_text,
        "change_of": comparing.change_of,
        "chart_table": tables.chart_table,
        "checks_url": checks.checks_url,
        "checks_verdict": checks.checks_verdict,
        "figure_url": figure_url,
        "fix_parts": checks.fix_parts,
        "compare_url": comparing.compare_url,
        "compared": comparing.compared,
        "export_url": comparing.export_url,
        "forecast_outlook": prospects.forecast_outlook,
        "health_verdict": health.health_verdict,
        "ACROSS": tuple(choices.ACROSS.items()),
        "HELP": keyboard.KEYS,
        "PER": tuple(choices.PER.items()),
        "TOPS": tuple((top, f"top {top}") for top in choices.TOPS),
        "asset": assets.asset_url,
        "choice_url": choice_url,
        "lives_table": tables.lives_table,
        "live_url": live_url,
        "outlook_text": sentences.outlook_text,
        "part_url": part_url,
        "interval": texts.interval_text,
        "job_state": health.job_state,
        "leak_url": leak_url,
        "mute_text": prospects.mute_text,
        "rate": prospects.rate,
        "resident_parts": bars.resident_parts,
        "service_url": service_url,
        "service_verdict": sentences.service_verdict,
        "source_lines": stacks.source_lines,
        "source_url": sources.source_url,
        "side_note": comparing.side_note,
        "sparkline_path": sparkline.sparkline_path,
        "target_counts": alerts.target_counts,
        "target_state": alerts.target_state,
        "told": alerts.told,
    }
    return environment


def _shown(value: Any) -> Any:
    """Every text on its way into a page: no name can turn the line's direction or break the encoding."""
    return texts.visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
