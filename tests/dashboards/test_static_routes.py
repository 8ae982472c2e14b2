"""Static files over HTTP: small on the wire, kept for good, and nothing but what's there."""

from __future__ import annotations

import gzip

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from heaptide_dashboards import STATIC
from heaptide_dashboards.assets import asset_url
from heaptide_server.pages import static_router


@pytest.fixture
def client() -> TestClient:
    app = FastAPI()
    app.include_router(static_router())
    return TestClient(app)


def test_a_file_at_the_address_of_its_content_is_kept_for_good(client: TestClient) -> None:
    answer = client.get(asset_url("heaptide.css"))
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"].startswith("text/css")
    assert answer.content == (STATIC / "heaptide.css").read_bytes()


@pytest.mark.parametrize("query", ["", "?v=000000000000"])
def test_a_file_at_another_address_is_asked_for_again(client: TestClient, query: str) -> None:
    answer = client.get(f"/static/heaptide.css{query}")
    assert answer.headers["cache-control"] == "no-cache"
    again = client.get(f"/static/heaptide.css{query}", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_file_travels_compressed_to_those_who_can_read_it(client: TestClient) -> None:
    with client.stream("GET", asset_url("vendor/plotly-basic.min.js"), headers={"Accept-Encoding": "gzip"}) as answer:
        sent = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert len(sent) < 420_000
    assert gzip.decompress(sent) == (STATIC / "vendor/plotly-basic.min.js").read_bytes()
    plain = client.get(asset_url("theme.js"), headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.headers["vary"] == "accept-encoding"


@pytest.mark.parametrize("name", ["", "nothing.js", "../__init__.py", "%2e%2e/__init__.py", "vendor", "/etc/passwd"])
def test_what_is_no_static_file_is_not_found(client: TestClient, name: str) -> None:
    assert client.get(f"/static/{name}").status_code == 404


def test_scripts_have_a_type_that_browsers_run(client: TestClient) -> None:
    assert client.head(asset_url("live.js")).headers["content-type"].startswith("text/javascript")
    assert client.get(asset_url("favicon.svg")).headers["content-type"] == "image/svg+xml"
