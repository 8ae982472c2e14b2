"""The table of blockers stays small, and keeps the greatest."""

from __future__ import annotations

import json
import time
from types import CodeType

import pytest

from heaptide.frames import Call
from heaptide.probes.blocking.blockers import MOST_BLOCKERS, MOST_BYTES, Blockers
from heaptide.probes.blocking.stalls import Blocked
from heaptide.probes.blocking.steps import Step, Tick


def code(name: str, file: str = "/app/shop.py") -> CodeType:
    return compile("", file, "exec").replace(
        co_name=name, **({"co_qualname": name} if hasattr(CodeType, "co_qualname") else {})
    )


def blocked(*stack: CodeType, seconds: float = 0.1, route: str | None = "GET /") -> Blocked:
    tick = Tick(0.05, 0.0, 0.0, 1)
    step = Step(0.0, tick, tick, tick, [[Call(one, 3, 0) for one in stack]], route)
    return Blocked(step, seconds, 0.0, 0.0)


@pytest.fixture
def blockers() -> Blockers:
    def place(file: str) -> tuple[str, bool]:
        return file.removeprefix("/app/").removeprefix("/lib/"), file.startswith("/app/")

    return Blockers(place, lambda _: "time.sleep")


def test_the_innermost_function_of_the_user_is_named_and_what_it_went_through(blockers: Blockers) -> None:
    library = [
        code("recv", "/lib/ssl.py"),
        code("urlopen", "/lib/urllib3/pool.py"),
        code("get", "/lib/requests/api.py"),
    ]
    assert blockers.add(blocked(*library, code("load"), code("endpoint")))
    fact = blockers.facts()[0]
    assert (fact["file"], fact["function"], fact["line"], fact["calls"]) == ("shop.py", "load", 3, "time.sleep")
    assert fact["through"] == ["requests", "urllib3", "ssl"]


def test_what_is_called_is_named_unless_the_function_was_seen_on_several_lines(blockers: Blockers) -> None:
    serve, before, settle = code("run", "/lib/uvicorn.py"), code("match", "/lib/routing.py"), code("settle")
    held, moves = blocked(settle, serve), blocked(code("crunch"), serve)
    held.step.samples.insert(0, [Call(before, 40, 0), Call(serve, 3, 0)])  # a look from before the call
    moves.step.samples.insert(0, [moves.step.samples[0][0]._replace(line=2), Call(serve, 3, 0)])
    blockers.add(held)
    blockers.add(moves)
    assert {fact["function"]: fact["calls"] for fact in blockers.facts()} == {"settle": "time.sleep", "crunch": None}


def test_without_the_users_code_the_library_is_named_and_the_loop_never(blockers: Blockers) -> None:
    loops_own = code("_run", "/lib/asyncio/events.py")
    assert not blockers.add(blocked(loops_own))
    assert blockers.add(blocked(code("process_response", "/lib/sqlalchemy/engine.py"), loops_own))
    assert [fact["function"] for fact in blockers.facts()] == ["process_response"]


def test_stalls_of_one_place_and_route_add_up(blockers: Blockers) -> None:
    place = code("load")
    for seconds in (0.1, 0.3):
        blockers.add(blocked(place, seconds=seconds))
    blockers.add(blocked(place, route="GET /other"))
    assert [(fact["count"], fact["total_s"], fact["longest_s"]) for fact in blockers.facts()] == [
        (2, 0.4, 0.3),
        (1, 0.1, 0.1),
    ]
    assert all(abs(fact["last_at"] - time.time()) < 60 for fact in blockers.facts())


def test_a_thousand_places_keep_the_twenty_greatest_within_their_bytes(blockers: Blockers) -> None:
    for index in range(1000):
        blockers.add(blocked(code(f"function_{index}_{'x' * 200}"), seconds=1000 - index))
    facts = blockers.facts()
    assert 5 < len(facts) <= MOST_BLOCKERS
    assert len(json.dumps(facts)) <= MOST_BYTES
    assert facts[0]["function"].startswith("function_0_")
