"""An argument wins over HEAPTIDE_*, that over the ecosystem, that over the default."""

from __future__ import annotations

import pytest

from heaptide.settings import SETTINGS, resolve


@pytest.mark.parametrize(
    ("environ", "service"),
    [
        ({"OTEL_SERVICE_NAME": "otel", "DD_SERVICE": "dd"}, "otel"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "a=b, service.name = my%20shop ,x", "DD_SERVICE": "dd"}, "my shop"),
        ({"DD_SERVICE": "dd", "ELASTIC_APM_SERVICE_NAME": "elastic"}, "dd"),
        ({"HEAPTIDE_SERVICE": "ours", "OTEL_SERVICE_NAME": "otel"}, "ours"),
        ({"HEAPTIDE_SERVICE": "  ", "ELASTIC_APM_SERVICE_NAME": "elastic"}, "elastic"),
        ({}, None),
    ],
)
def test_the_first_source_that_says_something_wins(environ, service) -> None:
    assert resolve({}, environ).service == service
    assert resolve({"service": "argument"}, environ).service == "argument"


def test_environment_and_release_come_from_what_the_ecosystem_set() -> None:
    otel = {"OTEL_RESOURCE_ATTRIBUTES": "service.version=1.2,deployment.environment.name=staging"}
    assert (resolve({}, otel).environment, resolve({}, otel).release) == ("staging", "1.2")
    assert resolve({}, otel | {"SENTRY_RELEASE": "s", "DD_ENV": "dd"}).release == "s"
    assert resolve({}, {}).environment == "production"


def test_each_setting_says_where_it_came_from() -> None:
    settings = resolve({"interval_s": 5}, {"DD_SERVICE": "dd", "OTEL_RESOURCE_ATTRIBUTES": "service.version=2"})
    assert settings.interval_s == 5.0
    assert settings.sources["interval_s"] == "argument interval_s"
    assert settings.sources["service"] == "DD_SERVICE"
    assert settings.sources["release"] == "OTEL_RESOURCE_ATTRIBUTES service.version"
    assert settings.sources["tracer"] == "default"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HEAPTIDE_INTERVAL", "0.1"),
        ("HEAPTIDE_INTERVAL", "nan"),
        ("HEAPTIDE_INTERVAL", "soon"),
        ("HEAPTIDE_TRACER", "magic"),
        ("HEAPTIDE_ENABLED", "perhaps"),
        ("HEAPTIDE_FRAMES", "0"),
        ("HEAPTIDE_SAMPLE_BYTES", "64k"),
        ("HEAPTIDE_COLLECTOR", "localhost:8787"),
        ("HEAPTIDE_COLLECTOR", "http://user:pass@host"),
        ("HEAPTIDE_COLLECTOR", "http://host:99999"),
        ("HEAPTIDE_COLLECTOR", "http://[::bad"),
        ("HEAPTIDE_COLLECTOR", "http://"),
        ("HEAPTIDE_COLLECTOR", "ftp://host"),
        ("HEAPTIDE_SERVICE", "x" * 300),
    ],
)
def test_a_value_that_is_not_allowed_is_told_and_the_default_holds(variable, value, caplog) -> None:
    name = next(setting.name for setting in SETTINGS if setting.variable == variable)
    assert getattr(resolve({}, {variable: value}), name) == getattr(resolve({}, {}), name)
    assert len(caplog.records) == 1
    assert variable in caplog.text
    assert value in caplog.text


@pytest.mark.parametrize("url", ["http://127.0.0.1:8787", "https://collector.test/heaptide/", "http://[::1]:8787"])
def test_a_collectors_url_is_taken_without_its_last_slash(url, caplog) -> None:
    assert resolve({}, {"HEAPTIDE_COLLECTOR": url}).collector == url.rstrip("/")
    assert not caplog.records


def test_the_token_is_in_no_text(caplog) -> None:
    assert "s3cret" not in repr(resolve({"token": "s3cret"}, {}))
    assert resolve({"token": "s3cret\nX: y"}, {}).token is None
    assert "s3cret" not in caplog.text


def test_every_setting_is_an_argument_of_start_and_documented() -> None:
    import inspect

    import heaptide

    arguments = set(inspect.signature(heaptide.start).parameters) - {"app"}
    assert arguments == {setting.name for setting in SETTINGS} - {"token_file"}
    assert all(setting.doc.endswith(".") for setting in SETTINGS)
