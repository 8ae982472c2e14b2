"""How workers died, told from their neighbours; and what only looks like a death or a loop."""

from __future__ import annotations

import pytest

from heaptide_server.checks import deaths, loops

MASTER = {"server": "gunicorn", "workers": 2, "timeout_s": 30}


def kills(first: int, now: int) -> dict[str, dict[str, object]]:
    return {"supervisor": {**MASTER, "oom_kills_first": first, "oom_kills": now}}


def test_a_count_of_kills_that_rose_by_the_successors_start_is_a_death_for_want_of_memory(kinds, make_worker) -> None:
    dead = make_worker(kills(0, 0), pid=1, last_s=-600, ended="missing", vitals={"limit_bytes": 512 * 2**20})
    successor = make_worker(kills(1, 1), pid=2, generation=2, started_s=-598)
    findings = deaths.find([dead, successor])
    assert kinds(findings) == {"worker-out-of-memory": "critical"}
    assert findings[0].title == "A worker was killed for want of memory in the last 24 h under a limit of 512 MiB."
    assert "rose by 1" in findings[0].evidence[0]


def test_a_kill_that_came_later_isnt_blamed_for_an_earlier_death(kinds, make_worker) -> None:
    killed = make_worker(kills(0, 0), pid=1, last_s=-600, ended="missing")
    starved = make_worker(kills(0, 0), pid=2, generation=2, started_s=-598, last_s=-300, ended="missing")
    alive = make_worker(kills(1, 1), pid=3, generation=3, started_s=-298)
    findings = deaths.find([killed, starved, alive])
    assert kinds(findings) == {"worker-out-of-memory": "critical", "worker-died": "warning"}
    assert {one.kind: one.workers for one in findings} == {
        "worker-out-of-memory": ("web-1 pid 2",),
        "worker-died": ("web-1 pid 1",),
    }


def test_without_a_successor_the_neighbours_count_tells(kinds, make_worker) -> None:
    dead = make_worker(kills(0, 0), pid=1, last_s=-600, ended="missing")
    neighbour = make_worker(kills(0, 1), pid=2, slot=2)
    assert kinds(deaths.find([dead, neighbour])) == {"worker-out-of-memory": "critical"}


def test_a_full_limit_at_the_last_report_makes_it_most_likely(make_worker) -> None:
    full = {"limit_bytes": 1e9, "limit_used_bytes": 0.97e9}
    dead = make_worker({"supervisor": MASTER}, pid=1, last_s=-600, ended="missing", vitals=full)
    (finding,) = deaths.find([dead, make_worker(pid=2, generation=2, started_s=-500)])
    assert (finding.kind, finding.title.split(" for ")[0]) == (
        "worker-out-of-memory",
        "A worker was most likely killed",
    )


def test_silence_before_a_master_replaced_it_is_a_hang(kinds, make_worker) -> None:
    dead = make_worker(kills(0, 0), pid=1, last_s=-600, ended="missing")
    successor = make_worker(kills(0, 0), pid=2, generation=2, started_s=-600 + 30 + 25)
    findings = deaths.find([dead, successor])
    assert kinds(findings) == {"worker-hung": "critical"}
    assert "silent for 25 s" in findings[0].evidence[0]
    assert "gunicorn kills a worker that doesn't answer it for 30 s" in findings[0].evidence[-1]


@pytest.mark.parametrize(
    ("facts", "successor_s"),
    [
        (MASTER, -590),  # replaced at once
        (MASTER, -569),  # between two reports
        (MASTER, -200),  # an outage of the collector: no master waits for so long
        ({"server": "uvicorn", "workers": 1, "unit": "shop.service", "restart": "always"}, -560),  # systemd may wait
    ],
)
def test_what_isnt_a_masters_timeout_is_no_hang(kinds, make_worker, facts, successor_s) -> None:
    dead = make_worker({"supervisor": facts}, pid=1, last_s=-600, ended="missing")
    successor = make_worker({"supervisor": facts}, pid=2, generation=2, started_s=successor_s)
    assert kinds(deaths.find([dead, successor])) == {"worker-died": "warning"}


def test_workers_that_said_goodbye_died_of_nothing(kinds, make_worker) -> None:
    ended = make_worker(kills(0, 0), pid=1, last_s=-600, ended="final")
    assert kinds(deaths.find([ended, make_worker(kills(0, 0), pid=2, generation=2, started_s=-598)])) == {}


def test_a_host_that_is_gone_as_a_whole_was_taken_down(kinds, make_worker) -> None:
    gone = [make_worker(pid=pid, slot=pid, host="web-2", last_s=-600, ended="missing") for pid in (1, 2)]
    assert kinds(deaths.find([*gone, make_worker(pid=3)])) == {}


def test_deaths_of_the_last_hour_are_counted(make_worker) -> None:
    dead = [
        make_worker(pid=pid, generation=pid, started_s=last - 7200, last_s=last, ended="missing")
        for pid, last in ((1, -20_000), (2, -3000), (3, -60))
    ]
    (finding,) = deaths.find([*dead, make_worker(pid=4, generation=4, started_s=-59)])
    assert finding.title == "3 workers ended without a word in the last 24 h, 2 in the last hour."


def short_lives(make_worker, count: int, ended: str = "missing", **more):
    lives = [
        make_worker(pid=n, generation=n, started_s=-30.0 * n, last_s=-30.0 * n + 5, ended=ended, **more)
        for n in range(1, count + 1)
    ]
    return [*lives, make_worker(pid=99, generation=99, started_s=-1)]


@pytest.mark.parametrize("ended", ["missing", "final"])
def test_short_lives_in_one_place_are_a_crash_loop(make_worker, ended) -> None:
    (loop,) = [one for one in loops.find(short_lives(make_worker, 4, ended)) if one.kind == "crash-loop"]
    assert loop.severity == "critical"
    assert loop.title.startswith("Workers are in a crash loop: 4 ended in the last 10 min")


def test_two_short_lives_are_no_loop(make_worker) -> None:
    assert "crash-loop" not in {one.kind for one in loops.find(short_lives(make_worker, 2))}


def test_workers_that_are_recycled_often_are_no_loop(make_worker) -> None:
    recycled = {"supervisor": MASTER | {"max_requests": 500}}
    lives = short_lives(make_worker, 4, "final", facts=recycled, requests=510)
    assert "crash-loop" not in {one.kind for one in loops.find(lives)}


@pytest.mark.parametrize(
    "more",
    [
        {"server": None},  # a script that is started each minute
        {"facts": {"supervisor": {"server": "uvicorn", "reload": True}}},
        {"environment": "dev"},
    ],
)
def test_scripts_that_are_done_and_restarts_by_a_person_are_no_loop(make_worker, more) -> None:
    assert loops.find(short_lives(make_worker, 4, "final", **more)) == []


def recycled(make_worker, count: int, life_s: float):
    facts = {"supervisor": MASTER | {"max_requests": 500}}
    lives = [
        make_worker(
            facts, pid=n, generation=n, started_s=-life_s * (n + 1), last_s=-life_s * n, ended="final", requests=510
        )
        for n in range(1, count + 1)
    ]
    return [*lives, make_worker(facts, pid=99, generation=99, started_s=-life_s)]


def test_recycling_that_leaves_no_time_to_work_is_found_with_a_number_that_does(kinds, make_worker) -> None:
    findings = loops.find(recycled(make_worker, 20, 120.0))
    assert kinds(findings) == {"recycled-too-often": "warning"}
    assert "--max-requests 2500" in findings[0].fix


@pytest.mark.parametrize(("count", "life_s"), [(3, 120.0), (5, 650.0), (20, 1800.0)])
def test_recycling_now_and_then_is_as_it_should_be(kinds, make_worker, count, life_s) -> None:
    assert kinds(loops.find(recycled(make_worker, count, life_s))) == {}


def test_a_deploy_of_many_workers_at_once_is_no_loop(kinds, make_worker) -> None:
    old = [make_worker(pid=n, slot=n, last_s=-20, started_s=-50, ended="final") for n in range(1, 9)]
    new = [make_worker(pid=n + 10, slot=n, generation=2, started_s=-15) for n in range(1, 9)]
    assert kinds(deaths.find([*old, *new]) + loops.find([*old, *new])) == {}
