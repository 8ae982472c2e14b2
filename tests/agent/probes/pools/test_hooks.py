"""The hooks change nothing for the app: what the library raises passes through, and what fails in them doesn't."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy.pool import QueuePool

from heaptide.probes.pools import MOST_BYTES, PoolsProbe, _within_bounds
from heaptide.probes.pools.hook import SWITCH
from heaptide.probes.pools.recorder import MOST_ERRORS, MOST_POOLS, Recorder


@pytest.fixture
def probe() -> Iterator[PoolsProbe]:
    found = PoolsProbe()
    yield found
    found.stop()


@pytest.fixture
def engine(tmp_path: Any) -> Iterator[sqlalchemy.Engine]:
    url = f"sqlite:///{tmp_path}/db"
    made = sqlalchemy.create_engine(url, poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0.05)
    yield made
    made.dispose()


def use(engine: sqlalchemy.Engine) -> None:
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("select 1"))


def test_a_checkout_is_counted_with_its_code_and_its_queries(probe: PoolsProbe, engine: sqlalchemy.Engine) -> None:
    use(engine)
    use(engine)
    facts = probe.facts()["pools"][0]
    assert (facts["checkouts"], facts["returned"], facts["queries"]) == (2, 2, 2)
    assert (facts["size"], facts["max_overflow"], facts["pre_ping"], facts["recycle_s"]) == (1, 0, False, -1)
    assert facts["holders"][0][0].endswith("test_hooks.py")
    assert facts["holders"][0][1] == "use"


def test_the_librarys_own_error_passes_through_and_counts(probe: PoolsProbe, engine: sqlalchemy.Engine) -> None:
    with engine.connect(), pytest.raises(sqlalchemy.exc.TimeoutError):
        use(engine)
    facts = probe.facts()["pools"][0]
    assert (facts["timeouts"], facts["most_waiting"], facts["checked_out"]) == (1, 1, 0)


def test_a_library_is_hooked_once_however_often_probes_are_made(engine: sqlalchemy.Engine) -> None:
    probes = [PoolsProbe() for _ in range(3)]
    use(engine)
    assert probes[-1].facts()["pools"][0]["checkouts"] == 1
    assert probes[0].facts() == {}
    probes[0].stop()  # an older one doesn't switch the newest off
    use(engine)
    assert probes[-1].facts()["pools"][0]["checkouts"] == 2
    probes[-1].stop()
    use(engine)
    assert probes[-1].facts()["pools"][0]["checkouts"] == 2


def test_a_recorder_that_fails_lets_the_app_go_on_and_is_given_up(
    probe: PoolsProbe, engine: sqlalchemy.Engine, monkeypatch: pytest.MonkeyPatch, swallowed: list[Exception]
) -> None:
    def fail(*_: object) -> None:
        raise LookupError("made to fail")

    monkeypatch.setattr(Recorder, "ledger", fail)
    for _ in range(MOST_ERRORS * 2):
        use(engine)
    assert MOST_ERRORS <= len(swallowed) < MOST_ERRORS * 2
    assert {type(error) for error in swallowed} == {LookupError}
    swallowed.clear()


def test_pools_that_are_gone_are_forgotten_and_at_most_eight_are_followed(probe: PoolsProbe, tmp_path: Any) -> None:
    made = [sqlalchemy.create_engine(f"sqlite:///{tmp_path}/db{n}", poolclass=QueuePool) for n in range(MOST_POOLS + 3)]
    for one in made:
        use(one)
    assert len(probe._recorder._known) == MOST_POOLS
    for one in made:
        one.dispose()
    made.clear()
    del one
    assert len(probe.facts().get("pools", [])) <= MOST_POOLS


def test_a_forked_child_goes_on_with_the_hooks_of_its_parent(probe: PoolsProbe, engine: sqlalchemy.Engine) -> None:
    use(engine)
    engine.dispose()
    child = os.fork()
    if child == 0:
        use(engine)
        os._exit(0 if SWITCH.recorder is not None else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_the_facts_of_many_pools_keep_within_their_bytes() -> None:
    row = ["f" * 100, "g" * 100, 7, 1000, 1234.567, 99.999]
    long = [*row[:3], 1, 99]
    told = _within_bounds([{"library": "asyncpg", "holders": [row] * 5, "held_long": [long] * 5} for _ in range(8)])
    assert len(json.dumps(told["pools"])) <= MOST_BYTES
    assert len(told["pools"]) == 8
