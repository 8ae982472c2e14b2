"""Who restarts workers: what has nobody, and what only looks as if it had."""

from __future__ import annotations

import pytest

from heaptide_server.checks import supervisor

SHELL = [{"pid": 4000, "name": "bash"}, {"pid": 1, "name": "systemd"}]
UVICORN = {"server": "uvicorn", "workers": 1, "reload": False, "ancestors": SHELL}


def found(kinds, make_worker, facts, **about) -> dict[str, str]:
    return kinds(supervisor.find([make_worker({"supervisor": facts}, **about)]))


def test_uvicorn_alone_below_a_shell_has_nobody(kinds, make_worker) -> None:
    assert found(kinds, make_worker, UVICORN) == {"no-supervisor": "critical"}


def test_the_finding_names_who_was_seen_above_it(make_worker) -> None:
    (finding,) = supervisor.find([make_worker({"supervisor": UVICORN}, pid=4242)])
    assert "it runs below bash, below systemd" in finding.title
    assert finding.workers == ("web-1 pid 4242",)
    assert "Restart=always" in finding.fix


@pytest.mark.parametrize(
    "facts",
    [
        {"server": "gunicorn", "workers": 1},
        {"server": "uvicorn", "workers": 4},
        {"server": "granian", "workers": 2, "respawns": True},
        {"container": "kubernetes"},
        {"unit": "shop.service", "restart": "always"},
        {"unit": "shop.service", "restart": "on-failure"},
        {"unit": "shop.service", "restart": None},
        {"ancestors": [{"pid": 7, "name": "python3", "program": "supervisord"}]},
        {"ancestors": [{"pid": 7, "name": "runsv"}]},
        {"ancestors": [{"pid": 7, "name": "PM2 v5.3.0: God Daemon"}]},
    ],
)
def test_with_a_master_a_unit_a_supervisor_or_kubernetes_above_it_nothing_is_found(kinds, make_worker, facts) -> None:
    assert found(kinds, make_worker, UVICORN | facts) == {}


@pytest.mark.parametrize("policy", ["no", "on-success", "on-watchdog"])
def test_a_unit_that_doesnt_restart_after_a_crash_is_found_with_the_lines_for_that_unit(make_worker, policy) -> None:
    facts = UVICORN | {"unit": "shop.service", "restart": policy}
    (finding,) = supervisor.find([make_worker({"supervisor": facts})])
    assert (finding.kind, finding.severity) == ("no-supervisor", "critical")
    assert f"shop.service has Restart={policy}" in finding.title
    assert "systemctl edit shop.service" in finding.fix


def test_in_docker_the_restart_policy_is_asked_for_and_no_fault_is_claimed(kinds, make_worker) -> None:
    assert found(kinds, make_worker, UVICORN | {"container": "docker"}) == {"restart-policy": "info"}


@pytest.mark.parametrize(
    "facts",
    [
        {"server": "uvicorn", "workers": 1, "reload": True, "ancestors": SHELL},
        {"server": "uvicorn", "workers": 4, "reload": True, "ancestors": SHELL},
        {"server": "gunicorn", "reload": True, "ancestors": SHELL},
    ],
)
def test_a_reloader_in_production_is_found_for_what_it_is(kinds, make_worker, facts) -> None:
    assert found(kinds, make_worker, facts) == {"reload-in-production": "warning"}


def test_a_reloader_above_is_seen_where_the_worker_itself_doesnt_tell(kinds, make_worker) -> None:
    above = [{"pid": 9, "name": "python3", "program": "uvicorn", "reload": True}]
    assert "reload-in-production" in found(kinds, make_worker, {"ancestors": above})


@pytest.mark.parametrize("environment", ["dev", "Development", "local", "test"])
def test_where_people_develop_all_of_it_is_as_it_should_be(kinds, make_worker, environment) -> None:
    assert found(kinds, make_worker, UVICORN | {"reload": True}, environment=environment) == {}


def test_hypercorn_ends_all_workers_when_one_fails(kinds, make_worker) -> None:
    facts = {"server": "hypercorn", "workers": 3, "ancestors": SHELL}
    assert found(kinds, make_worker, facts) == {"no-supervisor": "critical", "one-death-ends-all": "warning"}
    guarded = facts | {"container": "kubernetes"}
    assert found(kinds, make_worker, guarded) == {"one-death-ends-all": "info"}


def test_granian_is_told_of_the_option_that_it_lacks(make_worker) -> None:
    facts = {"server": "granian", "workers": 3, "respawns": False, "container": "kubernetes"}
    (finding,) = supervisor.find([make_worker({"supervisor": facts})])
    assert "--respawn-failed-workers" in finding.fix


def test_one_hypercorn_worker_has_no_others_to_take_along(kinds, make_worker) -> None:
    assert found(kinds, make_worker, {"server": "hypercorn", "workers": 1, "container": "kubernetes"}) == {}


def test_a_script_may_end(kinds, make_worker) -> None:
    assert found(kinds, make_worker, {"ancestors": SHELL}, server=None) == {}


def test_a_worker_that_told_nothing_is_blamed_for_nothing(kinds, make_worker) -> None:
    assert kinds(supervisor.find([make_worker({})])) == {}


@pytest.mark.parametrize("odd", [{"ancestors": "bash"}, {"ancestors": [1, None]}, {"workers": "four"}, {"restart": 7}])
def test_facts_of_the_wrong_kind_count_as_not_told(make_worker, odd) -> None:
    supervisor.find([make_worker({"supervisor": {"unit": "shop.service"} | odd})])
