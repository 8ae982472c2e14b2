"""Source around a stack's frames: the application's own, as it was when the process started, within bounds."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from heaptide.excerpts import AROUND, CHANGED, MOST_BYTES, MOST_CHARACTERS, MOST_FILE_BYTES, MOST_FRAMES, Excerpts
from heaptide.settings import resolve

LATER_S = 3600.0
NUMBERED = "".join(f"line_{number} = {number}\n" for number in range(1, 41))


def excerpts(folder: Path, since: float | None = None) -> Excerpts:
    """Of a process that imported everything long after it was written, unless said otherwise."""
    since = time.time() + LATER_S if since is None else since
    return Excerpts(lambda file: (os.path.basename(file), file.startswith(str(folder))), since)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "quotes.py"
    file.write_text(NUMBERED)
    return file


def only(found: list[dict[str, object]]) -> dict[str, object]:
    (one,) = found
    return one


def test_the_lines_around_each_frame_of_the_application_are_read_the_allocation_first(source: Path) -> None:
    frames = [(os.__file__, "walk", 20), (str(source), "remember", 20), (str(source), "quote", 30)]
    first, second = excerpts(source.parent).of(frames)
    assert (first["file"], first["function"], first["line"], first["note"]) == ("quotes.py", "remember", 20, "")
    assert first["first"] == 20 - AROUND
    assert first["lines"] == NUMBERED.splitlines()[20 - AROUND - 1 : 20 + AROUND]
    assert second["line"] == 30


def test_at_the_ends_of_a_file_there_are_fewer_lines(source: Path) -> None:
    found = excerpts(source.parent)
    top, end = only(found.of([(str(source), "f", 1)])), only(found.of([(str(source), "f", 40)]))
    assert (top["first"], top["lines"]) == (1, NUMBERED.splitlines()[: 1 + AROUND])
    assert (end["first"], end["lines"]) == (40 - AROUND, NUMBERED.splitlines()[40 - AROUND - 1 :])


def test_the_same_frame_twice_and_the_outer_ones_are_left_out(source: Path) -> None:
    frames = [(str(source), "f", line) for line in (9, 9, 10, 11, 12, 13)]
    assert [one["line"] for one in excerpts(source.parent).of(frames)] == [9, 10, 11][:MOST_FRAMES]


def test_a_file_that_was_written_since_the_process_started_is_not_shown(source: Path) -> None:
    found = only(excerpts(source.parent, since=time.time() - LATER_S).of([(str(source), "f", 3)]))
    assert (found["lines"], found["note"]) == ([], CHANGED)


def test_a_file_that_was_put_in_anothers_place_is_not_shown_however_old_it_says_it_is(source: Path) -> None:
    since = source.stat().st_ctime
    deadline = time.monotonic() + 10
    while source.stat().st_ctime <= since and time.monotonic() < deadline:
        other = source.with_name("other.py")
        other.write_text("something_else = 1\n" * 40)
        os.utime(other, (1.0, 1.0))
        other.replace(source)
    assert source.stat().st_mtime == 1.0
    assert only(excerpts(source.parent, since=since).of([(str(source), "f", 3)]))["note"] == CHANGED


def test_a_line_that_the_file_has_not_is_told(source: Path) -> None:
    for line in (0, -3, 41):
        found = only(excerpts(source.parent).of([(str(source), "f", line)]))
        assert (found["lines"], found["note"]) == ([], "the file has 40 lines, so it isn't the one that runs")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (os.mkfifo, "isn't a regular file"),
        (os.mkdir, "isn't a regular file"),
        (lambda path: os.symlink("/etc/hostname", path), "isn't a regular file"),
        (lambda path: Path(path).write_bytes(b"#" * (MOST_FILE_BYTES + 1)), "is larger than 1 MiB"),
        (lambda path: None, "can't be read here: No such file"),
    ],
)
def test_what_is_no_readable_file_is_told_and_holds_up_nobody(tmp_path, make, why) -> None:
    path = str(tmp_path / "odd.py")
    make(path)
    began = time.monotonic()
    found = only(excerpts(tmp_path).of([(path, "f", 1)]))
    assert time.monotonic() - began < 5
    assert found["lines"] == []
    assert why in found["note"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("/etc/passwd", "isn't Python source"),
        ("page.html", "isn't Python source"),
        ("shop/main.py", "relative to a folder"),
        ("/nul\0.py", "no file can have this name"),
        ("/\ud800.py", "can't be read here"),
    ],
)
def test_a_name_that_is_no_source_file_is_told(name: str, why: str) -> None:
    found = only(Excerpts(lambda file: (file, True), time.time()).of([(name, "f", 1)]))
    assert found["lines"] == []
    assert why in found["note"]


def test_only_the_applications_own_files_are_opened(source: Path) -> None:
    assert Excerpts(lambda file: (file, False), time.time() + LATER_S).of([(str(source), "f", 3)]) == []


HOSTILE = {
    "long": b"x = '" + b"y" * 10_000 + b"'",
    "long and wide": "\N{ROCKET}".encode() * 5_000,
    "markup": b"<script>alert(1)</script>",
    "direction": "x = '\u202egpj.exe'".encode(),
    "nul": b"x = '\0'",
    "no utf-8": b"x = '\xff\xfe\xc3'",
    "breaks that aren't": "x = 1  # \x0c \x1c \x85 \u2028".encode(),
    "tab": b"\tx = 1\r",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_stands_in_a_line_it_is_one_line_of_text_within_its_bound(tmp_path: Path, name: str) -> None:
    file = tmp_path / "odd.py"
    file.write_bytes(b"\xef\xbb\xbfbefore = 1\n" + HOSTILE[name] + b"\nafter = 1\n")
    found = only(excerpts(tmp_path).of([(str(file), "f", 2)]))
    before, line, after = found["lines"]
    assert (before, after) == ("before = 1", "after = 1")
    assert 0 < len(line) <= MOST_CHARACTERS
    line.encode()
    assert "\t" not in line


def test_all_excerpts_of_an_answer_have_a_bound_and_the_innermost_comes_first(tmp_path: Path) -> None:
    file = tmp_path / "wide.py"
    file.write_text("\n".join(["\N{ROCKET}" * 300] * 40))
    frames = [(str(file), "f", line) for line in (10, 20, 30)]
    for most_bytes in (MOST_BYTES, 4096, 900, 10):
        found = excerpts(tmp_path).of(frames, most_bytes)
        assert sum(len(line.encode()) + 1 for one in found for line in one["lines"]) <= most_bytes
        assert [one["line"] for one in found] == [10, 20, 30][: len(found)]
    assert [one["lines"] for one in excerpts(tmp_path).of(frames, 900)] == [
        ["\N{ROCKET}" * (MOST_CHARACTERS - 1) + "…"]
    ]


def test_source_is_sent_only_where_somebody_said_so() -> None:
    assert resolve({}, {}).source is False
    assert resolve({}, {"HEAPTIDE_SOURCE": "1"}).source is True
    assert resolve({"source": False}, {"HEAPTIDE_SOURCE": "1"}).source is False
