"""Prints the README's table of the collector's settings, made of the fields' own descriptions.

python tests/server/settings_table.py            # prints it
python tests/server/settings_table.py README.md  # puts it between the file's markers
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from heaptide_server.settings import Settings

BEGIN = "<!-- settings: made by tests/server/settings_table.py -->"
END = "<!-- settings end -->"


def table() -> str:
    """The table, a row a setting, in the order of the fields."""
    rows = ["| variable | default | meaning |", "| --- | --- | --- |"]
    prefix = Settings.model_config["env_prefix"]
    for name, field in Settings.model_fields.items():
        meaning = (field.description or "").replace("|", "\\|").replace("<", "&lt;")
        rows.append(f"| `{prefix}{name.upper()}` | {shown(field.default)} | {meaning} |")
    return "\n".join(rows)


def shown(default: Any) -> str:
    """A default as a person would set it; nothing where it is unset."""
    if default in (None, "", PydanticUndefined) or isinstance(default, SecretStr):
        return ""
    if isinstance(default, bool):
        return f"`{int(default)}`"
    return f"`{default:g}`" if isinstance(default, float) and default < 1e6 else f"`{default}`".replace(".0`", "`")


def put(text: str) -> str:
    """A text with the table between its markers."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        file = Path(sys.argv[1])
        file.write_text(put(file.read_text()))
    else:
        print(table())
