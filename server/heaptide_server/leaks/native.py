"""Leaks outside Python's heap: what the resident set holds beyond all that Python knows of rises, and so does it."""

from __future__ import annotations

from dataclasses import replace

from heaptide_server.leaks.context import Context
from heaptide_server.leaks.fingerprint import fingerprint
from heaptide_server.leaks.states import Seen
from heaptide_server.trends.judge import judge
from heaptide_server.trends.matrix import Matrix
from heaptide_server.trends.verdict import Options, Verdict

OVERHEAD = 0.5  # of what Python's own sites grow by: so much may come along as headers, tables and fragments
AGREES = 0.5  # of the remainder's growth: else memory was freed that the process keeps, and nothing leaks
SIZE = 8.0  # times the least growth of a site: allocators keep freed pages, and pages move
PATIENCE = 2  # times as long: a resident set ratchets up for a while in every process
NO_SITE = "No Python allocation site explains it."


def native(matrix: Matrix, explained: float, options: Options, context: Context) -> Seen | None:
    """The resident set, where it was watched for long enough.

    Every process ratchets up after its start: lives shorter than the least time show nothing else.

    Args:
        explained: bytes an hour by which Python's own memory may grow, the whole service together.
    """
    group = context.group
    short = matrix.longest_life(group) < options.least_intervals
    if short or matrix.intervals(group) < PATIENCE * options.least_intervals:
        return None
    larger = replace(
        options, least_bytes=SIZE * options.least_bytes, least_bytes_per_day=SIZE * options.least_bytes_per_day
    )
    found = judge(matrix.resident(group), larger)
    if not found:
        return None
    resident, remainder = found
    verdict = _unexplained(resident, remainder, explained)
    return Seen(
        id=fingerprint(*group, "native", ""),
        service=group[0],
        environment=group[1],
        kind="native",
        site=None,
        type_name=None,
        verdict=replace(verdict, filling=False),
        live_bytes=matrix.resident_bytes(group),
        survivor_bytes=None,
        release=context.release,
        earlier_release=context.earlier_release,
        forecast=context.forecast(verdict),
        advice=context.advice(verdict),
    )


def _unexplained(resident: Verdict, remainder: Verdict, explained: float) -> Verdict:
    if explained * OVERHEAD > remainder.bytes_per_hour:
        return replace(remainder, suspect=False, filling=False, clear=True, evidence="Python's own sites explain it.")
    if resident.bytes_per_hour < AGREES * remainder.bytes_per_hour:
        evidence = "What Python knows of shrinks, and the process keeps the memory."
        return replace(remainder, suspect=False, filling=False, clear=True, evidence=evidence)
    if remainder.suspect:
        sentence = remainder.evidence[:1].lower() + remainder.evidence[1:]
        return replace(remainder, evidence=f"The resident set beyond Python's memory {sentence} {NO_SITE}")
    return remainder
