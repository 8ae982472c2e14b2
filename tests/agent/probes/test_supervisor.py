"""Who looks after a process, from recorded trees and from servers' own objects on the stack."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType, SimpleNamespace
from typing import Any

import pytest

from heaptide.cgroups import Groups
from heaptide.probes import serving
from heaptide.probes.supervisor import Supervisor
from heaptide.probes.surroundings import restart_policy, unit


def supervisor(tree, environ=None, frames=list) -> Supervisor:
    return Supervisor(str(tree / "proc"), str(tree / "cgroup"), str(tree / "root"), 4711, environ or {}, frames)


@pytest.mark.parametrize(
    ("tree", "environ", "container", "service", "restart", "kills"),
    [
        ("v1", {}, "docker", None, None, 2),
        ("v2", {}, "podman", None, None, 0),
        ("kubernetes", {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "kubernetes", None, None, 4),
        ("systemd", {}, None, "shop.service", "no", 0),
        ("none", {}, None, None, None, None),
    ],
)
def test_container_unit_and_the_kernels_count_of_kills(
    trees, tree, environ, container, service, restart, kills
) -> None:
    facts = supervisor(trees / tree, environ).facts()
    told = (facts["container"], facts["unit"], facts["restart"], facts["oom_kills"], facts["oom_kills_first"])
    assert told == (container, service, restart, kills, kills)


def test_ancestors_are_told_by_name_and_program_and_by_no_more_of_their_command_line(trees) -> None:
    assert supervisor(trees / "none").facts()["ancestors"] == [
        {"pid": 4001, "name": "python3", "program": "uvicorn", "reload": True},
        {"pid": 4000, "name": "bash"},
        {"pid": 3000, "name": "tmux: server"},
        {"pid": 1, "name": "systemd"},
    ]


def test_the_first_count_of_kills_stays_while_the_count_rises(trees, tmp_path) -> None:
    (tmp_path / "cgroup").mkdir()
    events = tmp_path / "cgroup" / "memory.events"
    events.write_text("oom_kill 1\n")
    probe = supervisor(tmp_path)
    events.write_text("oom_kill 3\n")
    assert [probe.facts()[name] for name in ("oom_kills_first", "oom_kills")] == [1, 3]


@pytest.mark.parametrize(
    ("name", "policy"),
    [
        ("shop.service", "no"),
        ("orders@eu.service", "on-failure"),
        ("orders@us.service", "no"),
        ("basket.service", "always"),
        ("unreadable.service", None),
    ],
)
def test_a_units_restart_policy_is_the_last_that_its_files_name(trees, name, policy) -> None:
    assert restart_policy(name, str(trees / "systemd" / "root")) == policy


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/system.slice/shop.service", "shop.service"),
        ("/system.slice/shop.service/workers", "shop.service"),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/shop.service", "shop.service"),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/terminal.scope", None),
        ("/user.slice/user-1000.slice/session-3.scope", None),
        ("/", None),
    ],
)
def test_a_login_session_is_no_service(tmp_path, path, service) -> None:
    (tmp_path / "4711").mkdir()
    (tmp_path / "4711" / "cgroup").write_text(f"0::{path}\n")
    assert unit(Groups(str(tmp_path), str(tmp_path), 4711)) == service


def on_stack(module: str, function: str, local: str, value: object) -> list[FrameType]:
    """The frames of a call of this name, with one local variable, as a server's own code leaves them."""
    source = f"def {function}({local}):\n    return look()\n"
    names: dict[str, Any] = {"__name__": module, "look": lambda: frames_above(sys._getframe())}
    exec(source, names)
    called: Callable[[object], list[FrameType]] = names[function]
    return called(value)


def frames_above(frame: FrameType | None) -> list[FrameType]:
    found = []
    while frame is not None:
        found.append(frame)
        frame = frame.f_back
    return found


GUNICORN = SimpleNamespace(
    workers=4, threads=1, max_requests=0, max_requests_jitter=0, timeout=30, reload=False, worker_class_str="sync"
)
UVICORN = SimpleNamespace(
    workers=2, limit_max_requests=None, limit_max_requests_jitter=0, timeout_worker_healthcheck=5, reload=False,
    lifespan="auto",
)  # fmt: skip
HYPERCORN = SimpleNamespace(workers=3, max_requests=1000, max_requests_jitter=50, use_reloader=False)


@pytest.mark.parametrize(
    ("place", "value", "expected"),
    [
        (
            ("gunicorn.workers.base", "init_process", "self"),
            SimpleNamespace(cfg=GUNICORN),
            {"server": "gunicorn", "workers": 4, "max_requests": 0, "timeout_s": 30, "worker_class": "sync"},
        ),
        (
            ("uvicorn._subprocess", "subprocess_started", "config"),
            UVICORN,
            {"server": "uvicorn", "workers": 2, "timeout_s": 5, "reload": False},
        ),
        (("uvicorn.server", "run", "self"), SimpleNamespace(config=UVICORN), {"server": "uvicorn", "lifespan": "auto"}),
        (
            ("hypercorn.asyncio.run", "asyncio_worker", "config"),
            HYPERCORN,
            {"server": "hypercorn", "workers": 3, "max_requests": 1000},
        ),
    ],
)
def test_a_servers_settings_are_read_from_its_own_objects_on_the_stack(place, value, expected) -> None:
    found = serving.setup(on_stack(*place, value))
    assert {name: found[name] for name in expected} == expected
    assert "max_requests" not in found or found["max_requests"] is not None


def test_a_stack_without_a_server_tells_no_settings() -> None:
    assert serving.setup(on_stack("shop.main", "run", "self", SimpleNamespace(config=UVICORN))) == {}


@pytest.mark.parametrize(
    ("argv", "environ", "expected"),
    [
        (["granian", "shop:app"], {}, {"workers": 1, "respawns": False}),
        (["granian", "--workers", "4", "--respawn-failed-workers"], {}, {"workers": 4, "respawns": True}),
        (["granian", "--workers=4", "--workers-max-rss", "300"], {}, {"workers": 4, "max_rss_mib": 300}),
        (["granian"], {"GRANIAN_RESPAWN_FAILED_WORKERS": "true"}, {"respawns": True}),
        (["granian"], {"GRANIAN_RESPAWN_FAILED_WORKERS": "false"}, {"respawns": False}),
    ],
)
def test_granians_settings_are_read_from_its_options_and_variables(argv, environ, expected) -> None:
    found = serving.granian(argv, environ)
    assert {name: found.get(name) for name in expected} == expected
