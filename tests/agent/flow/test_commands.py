"""The command `heaptide`, as a person calls it."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from heaptide import cli
from heaptide.hooks import is_script, program
from heaptide.run import environment

HEAPTIDE = Path(sys.executable).parent / "heaptide"


def heaptide(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HEAPTIDE_")}
    return subprocess.run([HEAPTIDE, *words], env=clean | environ, capture_output=True, text=True, timeout=30)


def test_help_lists_the_commands_of_the_agent_and_of_the_collector() -> None:
    done = heaptide("--help")
    assert done.returncode == 0
    assert all(command in done.stdout for command in ("run", "status", "serve", "demo", "top"))


def test_a_command_whose_import_fails_says_what_to_install(monkeypatch, capsys) -> None:
    missing = EntryPoint(name="serve", value="no_such_package.cli:main", group=cli.GROUP)
    monkeypatch.setattr(cli, "entry_points", lambda group: [missing])
    assert cli.main(["serve", "--port", "1"]) == 2
    assert 'heaptide serve needs the collector: pip install "heaptide[server]"' in capsys.readouterr().err


def test_another_command_gets_all_of_its_words(monkeypatch, tmp_path) -> None:
    (tmp_path / "other_cli.py").write_text("def main(words): assert words == ['top', '--json']; return 7\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = EntryPoint(name="top", value="other_cli:main", group=cli.GROUP)
    monkeypatch.setattr(cli, "entry_points", lambda group: [found])
    assert cli.main(["top", "--json"]) == 7


def test_run_without_a_collector_ends_with_a_sentence() -> None:
    done = heaptide("run", "--", sys.executable, "-c", "print('ran')")
    assert (done.returncode, done.stdout) == (2, "")
    assert "HEAPTIDE_COLLECTOR" in done.stderr


@pytest.mark.parametrize(
    ("words", "status", "says"), [(["no-such-command"], 127, "no-such-command"), ([], 2, "which command")]
)
def test_run_says_what_it_cannot_run(words, status, says) -> None:
    done = heaptide("run", "--collector", "http://127.0.0.1:9", "--", *words)
    assert done.returncode == status
    assert says in done.stderr


def test_a_script_that_is_run_reports_and_its_own_sitecustomize_still_runs(collector, tmp_path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import builtins; builtins.MINE = 'mine'\n")
    (tmp_path / "job.py").write_text(
        "import os, subprocess, sys, time, heaptide\n"
        "helper = 'import sys; sys.exit(\"heaptide.lifecycle\" in sys.modules)'\n"
        "code = subprocess.run([sys.executable, '-c', helper]).returncode\n"
        "while not heaptide.status()['acknowledged']: time.sleep(0.01)\n"
        "print(MINE, code, 'sitecustomize' in sys.modules)\n"
    )
    done = heaptide(
        "run", "--collector", collector.url, "--interval", "0.5", "--tracer", "off", "--service", "jobs", "--",
        sys.executable, str(tmp_path / "job.py"), PYTHONPATH=str(tmp_path),
    )  # fmt: skip
    assert done.stdout.split() == ["mine", "0", "True"], done.stderr
    workers = {(body["worker"]["service"], body["worker"]["interval_s"]) for _, _, body in collector.seen}
    assert workers == {("jobs", 0.5)}
    assert collector.seen[-1][2]["final"]


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["python", "/bin/gunicorn", "-w", "2"], "gunicorn"),
        (["python", "-X", "dev", "-m", "uvicorn", "app:app"], "uvicorn"),
        (["python", "-m", "pip.__main__", "install"], "pip"),
        (["python", "-I", "jobs/work.py"], "work"),
        (["python", "-c", "print()"], ""),
        (["python"], ""),
    ],
)
def test_a_program_is_named_from_the_interpreters_arguments(argv, name) -> None:
    assert program(argv) == name


@pytest.mark.parametrize(
    ("argv", "environ", "expected"),
    [
        (["python", "work.py"], {"HEAPTIDE_RUN_PID": "7"}, True),
        (["python", "work.py"], {"HEAPTIDE_RUN_PID": "6"}, False),
        (["python", "manage.py", "runserver"], {"HEAPTIDE_RUN_PID": "6", "RUN_MAIN": "true"}, True),
        (["python", "-m", "compileall"], {"HEAPTIDE_RUN_PID": "7"}, False),
        (["python", "/bin/gunicorn"], {"HEAPTIDE_RUN_PID": "7"}, False),
    ],
)
def test_only_the_command_itself_is_watched_from_its_start_and_no_server_or_helper(argv, environ, expected) -> None:
    assert is_script(argv, environ, 7) is expected


@pytest.mark.parametrize(
    ("command", "service"),
    [
        (["gunicorn", "-b", "localhost:8000", "shop.main:app"], "shop"),
        (["uvicorn", "main:create_app", "--factory"], "main"),
        (["python", "-m", "celery", "-A", "shop.tasks", "worker"], "shop"),
        (["/bin/flask", "--app=main", "run"], "main"),
        (["uvicorn", "--app-dir", "src", "shop:app"], "shop"),
        (["python", "work.py", "-A", "shop"], None),
    ],
)
def test_a_service_nobody_named_is_named_after_the_app(command, service) -> None:
    assert environment(command, {}, {}).get("HEAPTIDE_SERVICE") == service
    assert "HEAPTIDE_SERVICE" not in environment(command, {}, {"OTEL_SERVICE_NAME": "otel"})


def test_status_shows_each_setting_with_its_source_and_never_the_token(collector) -> None:
    collector.answers = [(422, {}, b"{}")]
    done = heaptide("status", HEAPTIDE_COLLECTOR=collector.url, HEAPTIDE_TOKEN="s3cret", DD_SERVICE="shop")
    assert done.returncode == 0
    assert "DD_SERVICE" in done.stdout
    assert "takes reports from here" in done.stdout
    assert "s3cret" not in done.stdout + done.stderr


@pytest.mark.parametrize(("status", "says"), [(401, "refuses the token"), (404, "no collector")])
def test_status_says_why_reports_would_not_arrive(collector, status, says) -> None:
    collector.answers = [(status, {}, b"{}")]
    done = heaptide("status", HEAPTIDE_COLLECTOR=collector.url)
    assert done.returncode == 1
    assert says in done.stdout
    assert heaptide("status").returncode == 1
