"""Who a worker is, from what is at hand and without starting a process."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from heaptide import identity


def git(folder: Path, *words: str) -> str:
    settings = ["-c", "user.name=a", "-c", "user.email=a@b.test", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *settings, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    git(folder, "init", "-q")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    return folder


@pytest.mark.parametrize("how", ["branch", "packed", "detached", "worktree", "below"])
def test_gits_head_is_found_however_it_is_stored(repository, how) -> None:
    head = git(repository, "rev-parse", "HEAD")
    folder = repository
    if how == "packed":
        git(repository, "pack-refs", "--all")
    elif how == "detached":
        git(repository, "checkout", "-q", "--detach")
    elif how == "worktree":
        folder = repository.parent / "linked"
        git(repository, "worktree", "add", "-q", str(folder))
    elif how == "below":
        folder = repository / "src" / "shop"
        folder.mkdir(parents=True)
    assert identity.git_head(folder) == head


def test_no_repository_and_a_broken_one_are_no_release(tmp_path) -> None:
    (tmp_path / ".git").write_bytes(b"\xff\xfe nonsense")
    assert identity.git_head(tmp_path) is None


def test_the_release_is_as_set_then_gits_then_the_platforms(repository, settings) -> None:
    platform = {"K_REVISION": "shop-00042", "HEROKU_BUILD_COMMIT": "abc"}
    head = git(repository, "rev-parse", "HEAD")
    assert identity.release(settings(release="1.0"), platform, repository) == "1.0"
    assert identity.release(settings(), platform, repository) == head
    assert identity.release(settings(), platform, Path("/proc")) == "abc"
    assert identity.release(settings(), {}, Path("/proc")) is None


@pytest.mark.parametrize(
    ("module", "argv", "main_package", "name"),
    [
        ("shop.web.main", ["gunicorn"], None, "shop"),
        ("__main__", ["/srv/jobs/worker.py"], None, "worker"),
        ("__mp_main__", ["/srv/jobs/worker.py"], None, "worker"),
        ("__main__", ["/srv/shop/__main__.py"], "shop.__main__", "shop"),
        ("__main__", [""], None, "python"),
    ],
)
def test_a_service_is_named_after_its_package_or_script(module, argv, main_package, name) -> None:
    assert identity.service_name(module, argv, main_package) == name


def test_each_process_draws_its_own_key(settings) -> None:
    keys = {
        identity.worker(settings(), service="shop", server=None, started_at=1.0, environ={}, folder=Path("/proc"))[
            "key"
        ]
        for _ in range(3)
    }
    assert len(keys) == 3
    assert all(len(key) == 32 and int(key, 16) for key in keys)
