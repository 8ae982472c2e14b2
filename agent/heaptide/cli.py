"""The command `heaptide`. Its own commands need the agent alone; the others come with the collector, by entry point."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points

from heaptide import __version__

GROUP = "heaptide.commands"
_ABOUT = {
    "run": "run a command with the agent in it: heaptide run -- gunicorn shop.main:app",
    "status": "show this environment's settings, and whether the collector takes reports from here",
    "serve": "the collector, with its dashboard",
    "demo": "find a leak while you watch",
    "top": "the sites that grow most, in the terminal",
    "doctor": "what fails in production, and what to do: findings, or what can be seen here",
    "export": "sites, leaks or workers as CSV, or stacks for flame graph tools",
}
NEEDS_COLLECTOR = 'heaptide {command} needs the collector: pip install "heaptide[server]" ({missing})\n'


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        argv: arguments without the program's name; None reads the process's.

    Returns:
        The exit status.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    others = {found.name: found for found in entry_points(group=GROUP)}
    if words and words[0] in others:
        return _hand_over(others[words[0]], words)
    given = _parser(sorted(others)).parse_args(words)
    if given.command == "run":
        return _run(given)
    if given.command == "doctor":
        from heaptide.doctor import examine

        return examine(os.environ, given.service, given.collector)
    from heaptide.checkup import print_status

    return print_status(os.environ)


def _hand_over(command: EntryPoint, words: list[str]) -> int:
    try:
        run = command.load()
    except ImportError as error:
        sys.stderr.write(NEEDS_COLLECTOR.format(command=command.name, missing=error))
        return 2
    return int(run(words) or 0)


def _run(given: argparse.Namespace) -> int:
    from heaptide.run import run

    command = given.words[1:] if given.words[:1] == ["--"] else given.words
    if not command:
        sys.stderr.write("heaptide run: which command? heaptide run -- gunicorn shop.main:app\n")
        return 2
    return run(command, vars(given))


def _parser(others: Sequence[str]) -> argparse.ArgumentParser:
    lines = "\n".join(f"  {name:<8}{_ABOUT.get(name, '')}" for name in others)
    parser = argparse.ArgumentParser(
        prog="heaptide",
        description="Finds the line of code that leaks memory in a long-running Python service.",
        epilog=f'with the collector, pip install "heaptide[server]":\n{lines}',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"heaptide {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    run = commands.add_parser("run", help=_ABOUT["run"], description=_ABOUT["run"])
    for option, name in (("service", "service"), ("collector", "collector"), ("tracer", "tracer")):
        run.add_argument(f"--{option}", dest=name, help=f"as HEAPTIDE_{name.upper()}")
    run.add_argument("--interval", dest="interval_s", metavar="SECONDS", help="as HEAPTIDE_INTERVAL")
    run.add_argument("words", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="what to run")
    commands.add_parser("status", help=_ABOUT["status"], description=_ABOUT["status"])
    doctor = commands.add_parser("doctor", help=_ABOUT["doctor"], description=_ABOUT["doctor"])
    doctor.add_argument("service", nargs="?", help="which service; else HEAPTIDE_SERVICE, else all")
    doctor.add_argument("--collector", help="as HEAPTIDE_COLLECTOR")
    return parser
