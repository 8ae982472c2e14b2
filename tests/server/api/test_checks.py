"""Findings over HTTP, as a program, a person at a page and one in a terminal get them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

HEAPTIDE = Path(sys.executable).parent / "heaptide"
ALONE = {"supervisor": {"server": "uvicorn", "workers": 1, "ancestors": [{"pid": 4, "name": "ba<b>sh"}]}}
GUARDED = {"supervisor": {"server": "gunicorn", "workers": 2}}


@pytest.fixture
def telling(client, sender, post):
    """A collector that has heard of a service with a fault, one without, and one whose agent is too old."""
    for number, (service, facts) in enumerate({"alone": ALONE, "sound": GUARDED, "old": None}.items()):
        body = sender(key=f"{number:032x}", service=service, started_at=time.time()).body(
            {7: 1}, time.time(), facts=facts
        )
        assert post(client, body).status_code == 200
    return client


def doctor(collector: str, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HEAPTIDE_")}
    return subprocess.run(
        [HEAPTIDE, "doctor", "--collector", collector, *words],
        env=clean | environ, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_findings_of_all_services_are_told_with_evidence_and_a_fix(telling) -> None:
    body = telling.get("/api/v1/checks").raise_for_status().json()
    (finding,) = body["findings"]
    assert (finding["service"], finding["kind"], finding["severity"]) == ("alone", "no-supervisor", "critical")
    assert finding.keys() == {
        "id", "service", "environment", "kind", "severity", "title", "evidence", "fix", "workers", "subject",
    }  # fmt: skip
    assert {one["service"]: (one["workers"], one["telling"], one["findings"]) for one in body["services"]} == {
        "alone": (1, 1, 1),
        "sound": (1, 1, 0),
        "old": (1, 0, 0),
    }


def test_a_findings_id_stays_and_one_service_may_be_asked_for(telling) -> None:
    (first,) = telling.get("/api/v1/checks?service=alone").json()["findings"]
    (again,) = telling.get("/api/v1/checks?service=alone&environment=production").json()["findings"]
    assert first["id"] == again["id"]
    assert telling.get("/api/v1/checks?service=sound").json()["findings"] == []
    assert telling.get("/api/v1/checks?service=nobody").json() == {"services": [], "findings": []}


def test_the_page_shows_what_was_seen_and_what_to_do_and_runs_nothing_that_a_worker_told(telling) -> None:
    page = telling.get("/checks").raise_for_status()
    assert "Nothing restarts uvicorn when it dies" in page.text
    assert "ba&lt;b&gt;sh" in page.text
    assert "<b>sh" not in page.text
    assert "[Service]\nExecStart=" in page.text
    assert "older ones don&#39;t" in page.text or "older ones don't" in page.text


def test_the_service_page_leads_to_its_checks(telling) -> None:
    page = telling.get("/services/alone?environment=production").text
    (address,) = re.findall(r'href="(/checks\?[^"]*)"', page)
    found = telling.get(address.replace("&amp;", "&")).raise_for_status().text
    assert "1\u00a0critical finding" in found
    assert ">sound<" not in found


def test_the_doctor_prints_findings_and_ends_with_1_for_a_critical_one(telling) -> None:
    done = doctor(str(telling.base_url).rstrip("/"), "alone")
    assert done.returncode == 1, done.stderr
    assert "CRITICAL  alone (production): Nothing restarts uvicorn when it dies" in done.stdout
    assert "Restart=always" in done.stdout
    assert "1 findings, 1 of them critical." in done.stdout


def test_the_doctor_ends_with_0_where_nothing_is_critical(telling) -> None:
    done = doctor(str(telling.base_url).rstrip("/"), HEAPTIDE_SERVICE="sound")
    assert (done.returncode, done.stderr) == (0, "")
    assert "0 findings" in done.stdout


def test_the_doctor_says_when_a_read_token_is_wanted(collector) -> None:
    closed = collector(read_token="r" * 20)
    done = doctor(str(closed.base_url).rstrip("/"))
    assert done.returncode == 2
    assert "set HEAPTIDE_READ_TOKEN" in done.stdout
    assert doctor(str(closed.base_url).rstrip("/"), HEAPTIDE_READ_TOKEN="r" * 20).returncode == 0
