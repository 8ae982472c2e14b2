"""The stream of a real collector: it tells of reports, and doesn't hold up the end."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from heaptide_server.serving import GRACEFUL_S


@pytest.fixture
def process(tmp_path: Any) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "heaptide", "serve", "--port", "0", "--db", str(tmp_path / "heaptide.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        yield running, running.stdout.readline().split()[3]
        running.kill()


def test_a_stream_tells_of_a_report_and_ends_at_once_with_the_collector(process: Any, sender: Any, post: Any) -> None:
    running, address = process
    with httpx2.Client(base_url=address, timeout=20) as client, client.stream("GET", "/live?service=shop") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in stream.headers
        lines = (line for line in stream.iter_lines() if line.startswith("data:"))
        assert next(lines) == 'data: {"heard": 0.0, "workers": 0}'
        with httpx2.Client(base_url=address, timeout=20) as agent:
            assert post(agent, sender().body({1: 1000}, time.time())).status_code == 200
        assert '"workers": 1}' in next(lines)
        running.send_signal(signal.SIGTERM)
        told = time.monotonic()
        assert running.wait(20) == 0
        assert time.monotonic() - told < GRACEFUL_S  # the stream didn't have to be broken off


def test_pages_travel_compressed_and_name_no_version_of_a_file_that_is_not_there(client: httpx2.Client) -> None:
    for _ in range(2):
        page = client.get("/")
        assert page.headers["content-encoding"] == "gzip"
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        for part in page.text.split('"'):
            if part.startswith("/static/"):
                assert "immutable" in client.get(part).headers["cache-control"]
