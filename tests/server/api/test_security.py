from __future__ import annotations

import hashlib
import logging
import time

import pytest

from heaptide_server import cli
from heaptide_server.security import Guard, Tokens, is_loopback
from heaptide_server.settings import Settings

BOTH = {"ingest_token": "in-secret", "read_tokens": f"sha256:{hashlib.sha256(b'read-secret').hexdigest()},other"}


def test_tokens_are_accepted_by_hash_and_nothing_else_is():
    tokens = Tokens(["one", "sha256:" + hashlib.sha256(b"two").hexdigest()])
    assert tokens.accept("one")
    assert tokens.accept("two")
    assert not any(tokens.accept(token) for token in ("three", "", "\ud800"))
    assert not any("one" in repr(value) for value in vars(tokens).values())


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True), ("a.localhost", True), ("127.8.0.1", True), ("::1", True),
        ("10.0.0.1", False), ("localhost.evil.example", False), ("", False), ("0.0.0.0", False),
    ],
)  # fmt: skip
def test_only_this_machine_is_loopback(host, expected):
    assert is_loopback(host) is expected


def test_each_token_opens_its_own_door(collector, post, sender):
    client = collector(**BOTH)
    body = sender().body({1: 1}, time.time())
    assert post(client, body).status_code == 401
    assert post(client, body, Authorization="Bearer read-secret").status_code == 401
    assert post(client, body, Authorization="Bearer in-secret").status_code == 200
    assert client.get("/api/v1/services").headers["www-authenticate"].startswith("Bearer")
    assert client.get("/api/v1/services", headers={"Authorization": "Bearer in-secret"}).status_code == 401
    assert client.get("/api/v1/services", headers={"Authorization": "Bearer read-secret"}).status_code == 200
    assert client.get("/api/v1/services", headers={"Authorization": "Bearer other"}).status_code == 200
    assert client.get("/healthz").status_code == 200
    assert client.get("/metrics").status_code == 401


def test_a_refused_sender_reads_why_although_nobody_read_its_report(collector):
    client = collector(**BOTH)
    for _ in range(20):
        answer = client.post("/api/v1/reports", content=b"x" * 900_000, headers={"Connection": "close"})
        assert answer.status_code == 401
        assert "token" in answer.json()["error"]["message"]


def test_a_browser_logs_in_with_the_read_token_as_password(collector):
    client = collector(**BOTH)
    assert client.get("/").headers["www-authenticate"].startswith("Basic")
    assert client.get("/", auth=("anybody", "read-secret")).status_code == 200
    assert client.get("/", auth=("anybody", "wrong")).status_code == 401
    for broken in ("Basic", "Basic %%%", "Basic /w==", "Digest x"):
        assert client.get("/", headers={"Authorization": broken}).status_code == 401


def test_without_tokens_a_foreign_host_name_is_refused(client):
    assert client.get("/api/v1/services", headers={"Host": "evil.example"}).status_code == 403
    assert client.get("/api/v1/services", headers={"Host": "localhost:1234"}).status_code == 200
    assert client.get("/api/v1/services", headers={"Host": "[::1"}).status_code == 403


def test_with_tokens_any_host_name_will_do(collector):
    client = collector(**BOTH)
    headers = {"Host": "heaptide.example", "Authorization": "Bearer read-secret"}
    assert client.get("/api/v1/services", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({}, 201),
    ],
)
def test_a_page_of_another_site_can_change_nothing(client, headers, status):
    assert client.post("/api/v1/events", json={"service": "shop"}, headers=headers).status_code == status


def test_every_answer_tells_the_browser_its_rules(client):
    for path in ("/", "/api/v1/services", "/nothing"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
        assert headers["x-content-type-options"] == "nosniff"


def test_tokens_come_from_files_too(tmp_path):
    file = tmp_path / "tokens"
    file.write_text("one\n\n two \n")
    guard = Guard.of(Settings(read_token_file=file))
    assert guard.read.accept("two")
    assert guard.is_open
    file.write_text("\n")
    with pytest.raises(ValueError, match="has no token"):
        Guard.of(Settings(read_token_file=file))
    with pytest.raises(ValueError, match="can't be read"):
        Guard.of(Settings(read_token_file=tmp_path / "none"))


def test_settings_show_no_token():
    assert "in-secret" not in repr(Settings(**BOTH))


def test_serving_others_without_tokens_is_refused_with_what_to_set(capsys, monkeypatch):
    for options in ({}, {"HEAPTIDE_INGEST_TOKEN": "x"}):
        for name, value in options.items():
            monkeypatch.setenv(name, value)
        assert cli.main(["serve", "--host", "0.0.0.0"]) == 2
        assert "HEAPTIDE_READ_TOKEN" in capsys.readouterr().err
    logging.getLogger().handlers.clear()
