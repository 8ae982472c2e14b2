"""HTTP as it really goes over a socket."""

from __future__ import annotations

import socket
import time
from email.utils import formatdate

import pytest

from heaptide import wire
from heaptide.transport import Transport, Unreachable


def post(transport: Transport, timeout_s: float = 5.0):
    return transport.post("/api/v1/reports", {"a": 1}, content_type=wire.CONTENT_TYPE, timeout_s=timeout_s)


def test_a_report_is_compressed_json_with_its_content_type_and_token(collector, settings) -> None:
    answer = post(Transport(settings(collector=collector.url, token="secret")))
    path, headers, body = collector.seen[0]
    assert (answer.status, answer.body) == (200, {"acknowledged": 1})
    assert (path, body) == ("/api/v1/reports", {"a": 1})
    assert headers["Content-Type"] == wire.CONTENT_TYPE
    assert headers["Content-Encoding"] == "gzip"
    assert headers["Authorization"] == "Bearer secret"


def test_a_redirect_is_not_followed(collector, settings) -> None:
    collector.answers = [(307, {"Location": f"{collector.url}/elsewhere"}, b"")]
    assert post(Transport(settings(collector=collector.url, token="secret"))).status == 307
    assert len(collector.seen) == 1


def test_an_error_is_an_answer_with_the_collectors_words(collector, settings) -> None:
    collector.answers = [(422, {}, b'{"error": {"message": "pid is no number"}}'), (502, {}, b"<html>")]
    transport = Transport(settings(collector=collector.url))
    assert [post(transport).message for _ in range(2)] == ["pid is no number", "HTTP status 502"]


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [("7", 7, 7), ("in a minute", 50, 61), ("soon", None, None), ("999999", 3600, 3600)],
)
def test_retry_after_is_read_as_seconds_or_a_date(collector, settings, text, least, most) -> None:
    if text == "in a minute":
        text = formatdate(time.time() + 60, usegmt=True)
    collector.answers = [(503, {"Retry-After": text}, b"")]
    after_s = post(Transport(settings(collector=collector.url))).retry_after_s
    assert after_s is None if least is None else least <= after_s <= most


def test_whatever_keeps_an_answer_away_is_one_kind_of_error(settings) -> None:
    for url in ("http://127.0.0.1:1", "http://no.such.host.invalid"):
        with pytest.raises(Unreachable):
            post(Transport(settings(collector=url)))


def test_a_silent_collector_takes_no_longer_than_the_timeout(settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        transport = Transport(settings(collector=f"http://127.0.0.1:{silent.getsockname()[1]}"))
        began = time.monotonic()
        with pytest.raises(Unreachable):
            post(transport, timeout_s=0.2)
        assert time.monotonic() - began < 2


def test_a_rotated_token_file_is_read_again(collector, settings, tmp_path) -> None:
    file = tmp_path / "token"
    file.write_text("old\n")
    transport = Transport(settings(collector=collector.url, token_file=str(file)))
    post(transport)
    file.write_text("new\n")
    transport.reload_token()
    post(transport)
    assert [headers["Authorization"] for _, headers, _ in collector.seen] == ["Bearer old", "Bearer new"]


def test_a_missing_certificate_file_is_named(settings, tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no\.pem"):
        Transport(settings(collector="https://collector.test", ca_file=str(tmp_path / "no.pem")))
