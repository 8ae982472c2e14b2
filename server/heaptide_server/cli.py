"""The collector's commands: `heaptide serve`, `heaptide top`, `heaptide export`, `heaptide demo`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from heaptide_server import exporting, serving, terminal
from heaptide_server.settings import Settings

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


def main(argv: Sequence[str]) -> int:
    """Runs a command.

    Args:
        argv: the command and its arguments.

    Returns:
        The exit status: 2 for what can't be done as asked.
    """
    # typer ends every command, a good one too, by SystemExit.
    try:
        app(list(argv), prog_name="heaptide")
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (8787).")] = None,
    db: Annotated[Path | None, typer.Option(help="The SQLite file (heaptide.db).")] = None,
    webhook: Annotated[str | None, typer.Option(help="Where alerts are sent.", metavar="URL")] = None,
) -> None:
    """The collector, with its dashboard."""
    given: dict[str, Any] = {"host": host, "port": port, "db": db, "webhook_url": webhook}
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        typer.echo(f"The setting {'.'.join(map(str, first['loc']))} is wrong: {first['msg']}.", err=True)
        raise typer.Exit(2) from error
    raise typer.Exit(serving.serve(settings))


@app.command()
def top(
    service: Annotated[str | None, typer.Argument(help="The service; all of them when it's left out.")] = None,
    window: Annotated[str, typer.Option(help="How far back: 30m, 6h, 7d.")] = "6h",
    number: Annotated[int, typer.Option("--top", help="How many sites.")] = 20,
    collector: Annotated[
        str, typer.Option(envvar="HEAPTIDE_COLLECTOR", help="The collector's address.")
    ] = "http://127.0.0.1:8787",
    token: Annotated[str | None, typer.Option(envvar="HEAPTIDE_READ_TOKEN", help="The read token.")] = None,
) -> None:
    """The sites that grow most, in the terminal."""
    raise typer.Exit(terminal.show_top(collector, service, window, number, token))


@app.command()
def export(
    kind: Annotated[str, typer.Argument(help="sites, leaks or workers.")],
    service: Annotated[str | None, typer.Argument(help="The service; leaks may be of all.")] = None,
    environment: Annotated[str | None, typer.Option(help="One environment alone.")] = None,
    window: Annotated[str | None, typer.Option(help="How far back: 15m, 1h, 6h, 24h, 7d, 30d.")] = None,
    form: Annotated[str, typer.Option("--format", help="csv, or collapsed stacks of sites.")] = "csv",
    output: Annotated[Path | None, typer.Option(help="The file; standard output when it's left out.")] = None,
    collector: Annotated[
        str, typer.Option(envvar="HEAPTIDE_COLLECTOR", help="The collector's address.")
    ] = "http://127.0.0.1:8787",
    token: Annotated[str | None, typer.Option(envvar="HEAPTIDE_READ_TOKEN", help="The read token.")] = None,
) -> None:
    """Tables as CSV, or growth as collapsed stacks for flame graph tools."""
    given = {"environment": environment, "window": window}
    choice = {name: value for name, value in given.items() if value is not None}
    raise typer.Exit(exporting.export(collector, kind, service, choice, form, token, output))


@app.command()
def demo(
    seconds: Annotated[int | None, typer.Option(help="End by itself after this time.", min=1)] = None,
    port: Annotated[int, typer.Option(help="The collector's port, where it's free.")] = 8787,
) -> None:
    """Find a leak while you watch."""
    from heaptide_server.demo import runner

    raise typer.Exit(runner.main(seconds, port))
