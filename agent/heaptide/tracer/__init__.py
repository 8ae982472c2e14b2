"""Tracing allocations: which stack holds how much live memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heaptide.tracer.protocol import Tracer


def choose(name: str, *, frames: int | None, sample_bytes: int | None) -> Tracer:
    """Makes the tracer of that name, not started yet.

    Args:
        name: "auto", "sampling", "exact" or "off". Exact tracing is never chosen by "auto": it multiplies CPU.
        frames: stack frames to keep of each allocation; None leaves it to the tracer.
        sample_bytes: mean bytes between two samples; None leaves it to the tracer. Exact tracing has no use for it.

    Raises:
        ValueError: there is no tracer of that name.
    """
    make = _MAKERS.get(name)
    if make is None:
        raise ValueError(f"tracer {name!r} is unknown: HEAPTIDE_TRACER is one of {', '.join(_MAKERS)}")
    return make(frames, sample_bytes)


def started(tracer: Tracer) -> Tracer:
    """Starts a tracer and says once that it runs; where it refuses, says why and gives `off` in its place."""
    import logging

    log = logging.getLogger("heaptide")
    try:
        tracer.start()
    except RuntimeError as refusal:
        log.warning("Heaptide's %s tracer can't run, so allocation sites aren't traced: %s", tracer.name, refusal)
        return _off(None, None)
    if tracer.name != "off":
        log.info("Heaptide traces allocation sites: %s, %d frames", tracer.name, tracer.frames)
    return tracer


def _sampling(frames: int | None, sample_bytes: int | None) -> Tracer:
    try:
        from heaptide.tracemalloc_ng import SAMPLE_BYTES
        from heaptide.tracer.sampling import FRAMES, SamplingTracer
    except ImportError:
        return _unsampled()
    return SamplingTracer(
        frames=FRAMES if frames is None else frames,
        sample_bytes=SAMPLE_BYTES if sample_bytes is None else sample_bytes,
    )


def _unsampled() -> Tracer:
    import logging

    logging.getLogger("heaptide").warning(
        "Heaptide has no sampling tracer on this interpreter, so allocation sites aren't traced. "
        "HEAPTIDE_TRACER=exact traces every allocation, but multiplies CPU time; HEAPTIDE_TRACER=off hides this line."
    )
    return _off(None, None)


def _exact(frames: int | None, _sample_bytes: int | None) -> Tracer:
    from heaptide.tracer.exact import DEFAULT_FRAMES, ExactTracer

    return ExactTracer(frames=DEFAULT_FRAMES if frames is None else frames)


def _off(_frames: int | None, _sample_bytes: int | None) -> Tracer:
    from heaptide.tracer.off import OffTracer

    return OffTracer()


_MAKERS: dict[str, Callable[[int | None, int | None], Tracer]] = {
    "auto": _sampling,
    "sampling": _sampling,
    "exact": _exact,
    "off": _off,
}
