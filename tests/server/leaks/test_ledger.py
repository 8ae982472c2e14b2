from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from heaptide_server.leaks.ledger import Changes, Ledger, UnknownLeakError
from heaptide_server.leaks.states import Event
from heaptide_server.model import Frame, Leak, Site
from heaptide_server.store.connections import connect


def leak(leak_id: str, status: str = "open", per_hour: float = 5.0) -> Leak:
    site = Site(3, (Frame("json/encoder.py", "encode", 7, False), Frame("shop/quotes.py", "remember", 41, True)))
    return Leak(
        id=leak_id,
        service="shop",
        environment="production",
        kind="site",
        status=status,  # type: ignore[arg-type]
        site=site,
        type_name=None,
        bytes_per_hour=per_hour,
        bytes_per_hour_low=1.0,
        bytes_per_hour_high=9.0,
        bytes_per_request=None,
        live_bytes=7,
        survivor_bytes=None,
        workers=2,
        generations=3,
        confidence=0.99,
        first_seen=1.5,
        last_seen=2.5,
        release="1",
        evidence="Rose in 2 of 2 workers.",
        state={"grown_bytes": 8.0, "fired": status == "open"},
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    def enqueue(db: Any, notices: Any, now: float) -> None:
        for notice in notices:
            db.conn.execute("INSERT INTO told VALUES (?, ?, ?)", [notice.kind, notice.leak.id, now])

    ledger = Ledger(tmp_path / "heaptide.db", enqueue)
    ledger.migrate()
    connect(tmp_path / "heaptide.db").conn.execute("CREATE TABLE told (kind TEXT, leak_id TEXT, at REAL)")
    return ledger


def put(ledger: Ledger, *leaks: Leak, notices: list[Event] | None = None) -> None:
    ledger.update("shop", "production", 4.0, lambda _known: Changes(list(leaks), [], notices or []))


def told(tmp_path: Path) -> list[tuple[str, str]]:
    return [tuple(row) for row in connect(tmp_path / "heaptide.db").conn.execute("SELECT kind, leak_id FROM told")]


def test_a_leak_comes_back_as_it_was_saved(ledger: Ledger) -> None:
    put(ledger, leak("a"))
    assert ledger.leak("a") == leak("a")
    assert ledger.leak("b") is None


def test_leaks_are_listed_by_service_and_status_fastest_first(ledger: Ledger) -> None:
    put(ledger, leak("slow", per_hour=1), leak("fast", per_hour=9), leak("hint", "suspect"))
    assert [one.id for one in ledger.leaks()] == ["fast", "hint", "slow"]
    assert [one.id for one in ledger.leaks("shop", "open")] == ["fast", "slow"]
    assert ledger.leaks("other") == []


def test_a_step_sees_its_own_service_and_environment_and_what_it_drops_is_gone(ledger: Ledger) -> None:
    put(ledger, leak("a"))
    seen: list[str] = []
    ledger.update("shop", "staging", 5.0, lambda known: seen.extend(known) or Changes([], [], []))
    assert seen == []
    ledger.update("shop", "production", 5.0, lambda known: Changes([], list(known), []))
    assert ledger.leak("a") is None


def test_a_failing_notice_undoes_the_leak(tmp_path: Path, ledger: Ledger) -> None:
    connect(tmp_path / "heaptide.db").conn.execute("DROP TABLE told")
    with pytest.raises(Exception, match="told"):
        put(ledger, leak("a"), notices=[Event("leak.firing", leak("a"))])
    assert ledger.leak("a") is None


def test_resolving_muting_and_reopening_by_hand_is_saved_and_told(tmp_path: Path, ledger: Ledger) -> None:
    put(ledger, leak("a"))
    assert ledger.resolve("a", 5.0).status == "resolved"
    assert ledger.reopen("a", 6.0).status == "open"
    assert ledger.mute("a", 7.0, 100.0).state["mute_limit"] == 108.0
    assert ledger.leak("a").status == "muted"  # type: ignore[union-attr]
    assert told(tmp_path) == [("leak.resolved", "a"), ("leak.firing", "a")]


def test_an_unknown_leak_is_named(ledger: Ledger) -> None:
    with pytest.raises(UnknownLeakError, match="'nope'"):
        ledger.resolve("nope", 1.0)


def test_killed_within_the_transaction_neither_leak_nor_notice_is_there(tmp_path: Path, ledger: Ledger) -> None:
    put(ledger, leak("a", "suspect"))
    script = """
import os, signal, sys
from dataclasses import replace
from heaptide_server.leaks.ledger import Changes, Ledger
from heaptide_server.leaks.states import Event

def enqueue(db, notices, now):
    db.conn.execute("INSERT INTO told VALUES (?, ?, ?)", [notices[0].kind, notices[0].leak.id, now])
    os.kill(os.getpid(), signal.SIGKILL)

def step(known):
    leak = replace(known["a"], status="open")
    return Changes([leak], [], [Event("leak.firing", leak)])

Ledger(sys.argv[1], enqueue).update("shop", "production", 9.0, step)
"""
    child = subprocess.run([sys.executable, "-c", script, str(tmp_path / "heaptide.db")], env=dict(os.environ))
    assert child.returncode == -signal.SIGKILL
    assert ledger.leak("a") == leak("a", "suspect")
    assert told(tmp_path) == []
