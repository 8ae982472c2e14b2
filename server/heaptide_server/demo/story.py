"""What the demo tells in the terminal."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from heaptide_server.demo.truth import Outcome

_MIB = 1 << 20
_EVERY_S = 5.0


class Story:
    """Writes plain, calm lines: what runs, what is seen, what was found."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True)
        self._began = time.monotonic()
        self._next_line = 0.0

    def begin(self, collector: str, shop: str, command: str) -> None:
        """Tells what has been started."""
        self._print(
            "[bold]Heaptide demo[/]: a shop that leaks, under a production server, and the collector watching.\n"
        )
        self._print(f"  dashboard  [cyan]{collector}[/]")
        self._print(f"  shop       [cyan]{shop}[/]")
        self._print(f"             [dim]{escape(command)}[/]")
        self._print(
            "\n  One cache of the shop never forgets. Beside it, a bounded cache fills, cycles wait for the garbage"
        )
        self._print("  collector, and memory is taken and given back. Which line is it? Ctrl-C ends everything.\n")

    def progress(self, served: int, services: Sequence[Mapping[str, Any]], leaks: Sequence[Mapping[str, Any]]) -> None:
        """Every few seconds, one line on what is known."""
        if self._age_s() < self._next_line:
            return
        self._next_line = self._age_s() + _EVERY_S
        workers = sum(service["workers"] for service in services)
        resident = sum(service["rss_bytes"] or 0 for service in services)
        counts = [f"{n} {status}" for status in ("suspect", "filling", "open") if (n := _count(leaks, status))]
        seen = ", ".join(counts) or "nothing suspicious yet"
        self._line(f"{served:5d} requests, {workers} workers, {resident / _MIB:.0f} MiB resident: {seen}")

    def found(self, leak: Mapping[str, Any], address: str) -> None:
        """A leak was named."""
        site, growth = leak["site"], leak["growth"]
        where = f"{site['file']}:{site['line']} in {site['function']}" if site else leak["kind"]
        self._print("")
        self._line(f"[bold red]Leak found[/]  [bold]{escape(where)}[/]")
        interval = f"90 % interval {growth['low'] / _MIB:+.1f} to {growth['high'] / _MIB:+.1f}"
        self._print(f"            {growth['bytes_per_hour'] / _MIB:+.1f} MiB per hour ({interval})")
        if growth["bytes_per_request"] is not None:
            self._print(f"            {growth['bytes_per_request']:+,.0f} bytes per request")
        if leak.get("evidence"):
            self._print(f"            [dim]{escape(leak['evidence'])}[/]")
        self._print(f"            [cyan]{address}[/]\n")

    def webhook(self, body: Mapping[str, Any]) -> None:
        """A webhook arrived."""
        self._line(f"[bold]Webhook received[/] (signature verified): {body['type']}")
        self._print("[dim]" + escape(json.dumps(_readable(body), indent=2)) + "[/]\n")

    def broke(self, name: str, words: str) -> None:
        """A process ended that should have stayed."""
        self._line(f"[bold red]{name} ended[/]; its last words:")
        self._print(escape(words))

    def end(self, outcome: Outcome, arrived: bool) -> None:
        """What came out."""
        for leak in outcome.innocent:
            self._line(f"[bold red]wrongly called a leak[/]: {escape(json.dumps(leak['site']))}")
        if outcome.found is None:
            self._line("[yellow]the leak was not found in this time[/]")
        elif not arrived:
            self._line("[yellow]the leak was found, but its webhook didn't arrive[/]")
        elif not outcome.innocent:
            self._line("[green]the leak was found at its true line, the webhook arrived, nothing else was accused[/]")

    def _line(self, text: str) -> None:
        self._print(f"[dim]{self._age_s():5.0f} s[/]  {text}")

    def _print(self, text: str) -> None:
        self._console.print(text)

    def _age_s(self) -> float:
        return time.monotonic() - self._began


def _readable(value: Any) -> Any:
    """A body as it came, but for stacks: a line a frame, and those behind the outermost frame of the app counted."""
    if isinstance(value, dict):
        return {key: _stack(item) if key == "frames" else _readable(item) for key, item in value.items()}
    return [_readable(item) for item in value] if isinstance(value, list) else value


def _stack(frames: Sequence[Mapping[str, Any]]) -> list[str]:
    shown = 1 + max((index for index, frame in enumerate(frames) if frame["in_app"]), default=2)
    lines = [f"{frame['file']}:{frame['line']} {frame['function']}" for frame in frames[:shown]]
    return [*lines, f"... and {len(frames) - shown} more"] if len(frames) > shown else lines


def _count(leaks: Sequence[Mapping[str, Any]], status: str) -> int:
    return sum(leak["status"] == status for leak in leaks)
