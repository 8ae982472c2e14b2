"""`heaptide top`: the sites that grow most, as a table."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx2
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

TIMEOUT_S = 10.0


def show_top(collector: str, service: str | None, window: str, number: int, token: str | None) -> int:
    """Prints the table.

    Args:
        collector: its address.
        service: which one; None shows each.
        window: how far back, as 6h.
        number: how many sites a service.
        token: the read token.

    Returns:
        The exit status: 1 if the collector doesn't answer or refuses.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    console = Console()
    try:
        with httpx2.Client(base_url=collector, headers=headers, timeout=TIMEOUT_S) as api:
            names = [service] if service else list(dict.fromkeys(row["service"] for row in _get(api, "services")))
            for name in names:
                path = f"services/{quote(name, safe='')}/sites?top={number}&window={quote(window)}"
                console.print(_table(name, window, _get(api, path)))
    except httpx2.HTTPStatusError as error:
        return _refuse(console, error.response)
    except httpx2.TransportError as error:
        console.print(f"{collector} doesn't answer: {error}. Is `heaptide serve` running there?", style="red")
        return 1
    if not names:
        console.print("No service has reported yet.")
    return 0


def _get(api: httpx2.Client, path: str) -> list[dict[str, Any]]:
    body: dict[str, Any] = api.get(f"/api/v1/{path}").raise_for_status().json()
    rows: list[dict[str, Any]] = body["services" if path == "services" else "sites"]
    return rows


def _table(service: str, window: str, rows: list[dict[str, Any]]) -> Table:
    table = Table(title=Text(f"{service}, growth over {window}"), title_justify="left")
    table.add_column("site", overflow="fold")
    table.add_column("function")
    for name in ("growth", "blocks", "live"):
        table.add_column(name, justify="right")
    for row in rows:
        site = row["site"] or {"file": "(other)", "function": "", "line": None}
        where = site["file"] if site["line"] is None else f"{site['file']}:{site['line']}"
        sizes = [decimal(row["growth_bytes"]), f"{row['growth_blocks']:,}", decimal(max(row["live_bytes"], 0))]
        table.add_row(Text(where), Text(site["function"]), *sizes)
    return table


def _refuse(console: Console, response: httpx2.Response) -> int:
    try:
        message = response.json()["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = f"status {response.status_code}"
    console.print(Text(f"The collector refused: {message}", style="red"))
    return 1
