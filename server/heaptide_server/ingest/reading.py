"""From bytes to a validated report, or to a problem that its sender can understand. Nothing is stored before."""

from __future__ import annotations

from email.message import Message

from pydantic import ValidationError

from heaptide.wire import CONTENT_TYPE, VERSION
from heaptide_server.ingest.envelope import Envelope, Sites
from heaptide_server.ingest.problem import Problem
from heaptide_server.model import Frame, Report, WorkerIdentity
from heaptide_server.store import packed

MAX_PACKED_BYTES = 2 << 20
# Stacks share frames on the wire but not in the store: what they become is bounded too.
MAX_STACKS_CHARACTERS = 32 << 20

_MEDIA_TYPE = CONTENT_TYPE.partition(";")[0]


def check_content_type(value: str) -> None:
    """Refuses what isn't a report, and reports of versions that this collector can't read.

    Raises:
        Problem: 415.
    """
    header = Message()
    header["Content-Type"] = value
    if header.get_content_type() != _MEDIA_TYPE:
        raise Problem(
            415, "unsupported_media_type", f"A report's content type is {CONTENT_TYPE!r}, not {value[:80]!r}."
        )
    version = header.get_param("version")
    if version != str(VERSION):
        message = (
            f"A report of version {str(version)[:20]} can't be read: this collector reads version {VERSION}. "
            "Run a collector and an agent of the same release."
        )
        raise Problem(415, "unsupported_version", message)


def read_report(body: bytes, received_at: float) -> Report:
    """Validates a report and moves its times to the collector's clock.

    Args:
        body: the JSON text.
        received_at: now, seconds since the epoch by the collector's clock.

    Raises:
        Problem: 400 (not JSON) or 422 (not a report); its field says where.
    """
    try:
        envelope = Envelope.model_validate_json(body)
    except ValidationError as error:
        raise _problem(error) from error
    stacks = _stacks(envelope.sites)
    _check_packed("sites.changes", envelope.sites.changes, envelope.sites.first + len(stacks))
    _check_packed("types.changes", envelope.types.changes, envelope.types.first + len(envelope.types.define))
    return _report(envelope, stacks, received_at)


def _report(envelope: Envelope, stacks: list[tuple[Frame, ...]], received_at: float) -> Report:
    skew_s = received_at - envelope.sent_at
    # Whatever the sender's clock says, nothing was taken after it arrived, nor before its worker started.
    taken_at = max(0.0, min(envelope.taken_at + skew_s, received_at))
    worker = envelope.worker.model_dump()
    worker["started_at"] = max(0.0, min(worker["started_at"] + skew_s, taken_at))
    return Report(
        worker=WorkerIdentity(**worker),
        base=envelope.base,
        sequence=envelope.sequence,
        taken_at=taken_at,
        elapsed_s=envelope.elapsed_s,
        skew_s=skew_s,
        final=envelope.final,
        requests=envelope.requests,
        vitals=envelope.vitals,
        tracer=envelope.tracer.model_dump(),
        first_site=envelope.sites.first,
        new_sites=stacks,
        site_changes=envelope.sites.changes,
        first_type=envelope.types.first,
        new_types=envelope.types.define,
        type_changes=envelope.types.changes,
        agent=envelope.agent,
        answers=[answer.model_dump() for answer in envelope.answers],
        facts=envelope.facts,
    )


def _stacks(sites: Sites) -> list[tuple[Frame, ...]]:
    frames = [Frame(*row) for row in sites.frames]
    sizes = [len(frame.file) + len(frame.function) + 24 for frame in frames]
    characters = 0
    for stack in sites.define:
        if stack and max(stack) >= len(frames):
            message = f"A stack has frame {max(stack)}, but only {len(frames)} frames are given."
            raise Problem(422, "invalid_report", message, "sites.define")
        characters += sum(sizes[index] for index in stack)
    if characters > MAX_STACKS_CHARACTERS:
        message = f"The new stacks take {characters} characters, more than {MAX_STACKS_CHARACTERS}."
        raise Problem(422, "invalid_report", message, "sites.define")
    return [tuple(frames[index] for index in stack) for stack in sites.define]


def _check_packed(field: str, data: bytes, below: int) -> None:
    try:
        packed.decode(data, below=below, most_bytes=MAX_PACKED_BYTES)
    except ValueError as error:
        raise Problem(422, "invalid_report", f"{error}.", field) from error


def _problem(error: ValidationError) -> Problem:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return Problem(400, "bad_json", f"The body isn't JSON: {first['msg'].partition(': ')[2]}.")
    field = ".".join(str(part)[:60] for part in first["loc"][:6])
    more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return Problem(422, "invalid_report", f"{first['msg']}{more}.", field or None)
