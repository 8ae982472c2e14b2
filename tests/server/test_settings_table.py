"""Every setting is documented, and the README says of each what its field says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from heaptide_server.settings import Settings

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("settings_table.py")


@pytest.fixture(scope="module")
def table() -> str:
    return subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, check=True).stdout.strip()


def test_the_readme_has_the_table_as_the_settings_have_it(table: str) -> None:
    readme = (ROOT / "README.md").read_text()
    assert table in readme, "run: python tests/server/settings_table.py README.md"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_stands_in_the_table_with_a_sentence(table: str, name: str) -> None:
    (row,) = [line for line in table.splitlines() if f"`HEAPTIDE_{name.upper()}`" in line]
    meaning = row.split(" | ")[2].removesuffix(" |")
    assert meaning.endswith(".")
    assert len(meaning) > 20


def test_the_script_puts_the_table_between_the_markers_and_leaves_the_rest(tmp_path: Path, table: str) -> None:
    file = tmp_path / "README.md"
    markers = [line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("<!-- settings")]
    file.write_text("before\n" + "\nold\n".join(markers) + "\nafter\n")
    for _ in range(2):
        subprocess.run([sys.executable, str(SCRIPT), str(file)], check=True)
        assert file.read_text() == f"before\n{markers[0]}\n{table}\n{markers[1]}\nafter\n"
