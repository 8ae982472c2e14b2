"""The evidence in one sentence that a developer believes."""

from __future__ import annotations

from dataclasses import replace

from heaptide_server.trends.verdict import Verdict

MIB = 1 << 20


def sentence(verdict: Verdict, *, steady_load: bool) -> Verdict:
    """The verdict with its `evidence` filled in."""
    if verdict.filling:
        text = f"{_where(verdict)}, but it slows down like a cache that fills"
        text += f", expected to stop at about {verdict.ceiling_bytes / MIB:.3g} MiB." if verdict.ceiling_bytes else "."
    elif verdict.suspect:
        load = "the load was steady" if steady_load else "not explained by load"
        text = f"{_where(verdict)}; {load}; no sign of levelling off."
    elif verdict.clear:
        text = "It doesn't grow."
    else:
        text = "It moves, but too little or too irregularly to say more."
    return replace(verdict, evidence=text)


def _where(verdict: Verdict) -> str:
    text = f"Rose in {_share(verdict.workers_rising, verdict.workers, 'worker')}"
    if verdict.generations > verdict.workers:
        text += f" and in {_share(verdict.generations_rising, verdict.generations, 'generation')}"
    return text + f", with {'requests' if verdict.clock == 'requests' else 'time'}"


def _share(part: int, whole: int, noun: str) -> str:
    if whole == 1:
        return f"the one {noun} seen"
    return f"{part} of {whole} {noun}s"
