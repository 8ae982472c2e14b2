from __future__ import annotations

import threading

import pytest

from heaptide_server import cli
from heaptide_server.jobs import Job, Jobs


def run(work, counts, until):
    jobs = Jobs([Job("work", 0.05, work)], lambda *run: counts.append(run))
    jobs.start()
    assert until.wait(20)
    jobs.stop()
    return jobs.status()["work"]


def test_a_job_that_fails_again_and_again_is_told_once_and_counted(caplog):
    counts, done, calls = [], threading.Event(), []

    def fail(now):
        calls.append(now)
        if len(calls) == 3:
            done.set()
        raise OSError("no disk")

    status = run(fail, counts, done)
    assert status["failures"] == len(calls) == sum(failed for _, _, failed in counts)
    assert status["failing"]
    assert status["last_succeeded"] is None
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "no disk" in caplog.text


def test_recovery_is_told_once(caplog):
    done, calls = threading.Event(), []

    def recover(now):
        calls.append(now)
        if len(calls) == 1:
            raise OSError("no disk")
        if len(calls) == 4:
            done.set()

    status = run(recover, [], done)
    assert not status["failing"]
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def test_a_slow_job_never_runs_beside_itself():
    done, gate, beside, calls = threading.Event(), threading.Lock(), [], []

    def slow(now):
        beside.append(not gate.acquire(blocking=False))
        calls.append(now)
        threading.Event().wait(0.12)
        gate.release()
        if len(calls) == 3:
            done.set()

    run(slow, [], done)
    assert not any(beside)


@pytest.mark.parametrize("arguments", [["--port", "x"], ["--port", "99999"], ["--colour", "red"]])
def test_wrong_arguments_end_with_status_2_and_a_sentence(arguments, capsys):
    assert cli.main(["serve", *arguments]) == 2
    assert arguments[0].strip("-") in capsys.readouterr().err


def test_help_is_no_error(capsys):
    assert cli.main(["serve", "--help"]) == 0
    assert "--webhook" in capsys.readouterr().out


def test_what_is_no_database_is_said_in_a_sentence(tmp_path, capsys):
    file = tmp_path / "notes.txt"
    file.write_text("no database " * 100)
    assert cli.main(["serve", "--port", "0", "--db", str(file)]) == 2
    assert "can't be opened" in capsys.readouterr().err


def test_a_wrong_webhook_is_said_in_a_sentence(tmp_path, capsys):
    assert cli.main(["serve", "--port", "0", "--db", str(tmp_path / "h.db"), "--webhook", "ftp://x"]) == 2
    assert "HEAPTIDE_WEBHOOK_URL" in capsys.readouterr().err
