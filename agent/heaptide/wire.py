"""The form in which a report travels and is stored: a JSON envelope around packed columns of small integers.

A report is one JSON object, gzip-compressed, of the content type `CONTENT_TYPE`. Its fields:

    version     int, `VERSION`
    worker      {key, service, environment, host, pid, started_at, release, python, agent, server, interval_s}
                key: 32 hexadecimal digits, drawn anew in each process; started_at: seconds since the epoch;
                release, server: text or null
    base        sequence number of the report that this one continues; 0 says "from nothing": all sites and types
                are defined anew and the changes are levels
    sequence    its own number, greater than base; reports form a chain, each base is an earlier sequence
    taken_at    sender's clock when it was taken, seconds since the epoch
    sent_at     sender's clock when it was sent; receiver's clock minus this is the skew
    elapsed_s   seconds since the base report was taken (since the worker's start where base is 0)
    final       true: the worker is ending in good order and this is its last report
    requests    requests served since the base report
    vitals      one number or null for each name in `VITALS`; pymalloc_used_bytes and pymalloc_free_bytes: blocks of
                Python's own allocator; garbage_bytes: what nothing holds and the garbage collector will free, as the
                last walk over the heap found it, an estimate with its standard error; null after the oldest
                generation was collected, or an hour
    tracer      {name, frames, sample_bytes, traced_bytes, skipped}: sample_bytes, traced_bytes: int or null;
                skipped: this report has no new look at the sites, because looking every time would pass the budget
    sites       {first, frames, define, changes}: define is a list of stacks, allocation first, each a list of
                indexes into `frames`, [file, function, line, in_app] each; they get the worker's site numbers
                first, first + 1, ...; changes: packed columns (`SITE_COLUMNS`), base64
    types       {first, define, changes}: the same for object types, whose definitions are their qualified names
    agent       the agent's own cost, one number for each name in `COSTS`; `dropped_reports` were merged away;
                `census_spacing_s`: seconds from the last count of objects to the next, where one took longer than
                its pause budget; 0 where objects are counted for each report
    answers     answers to the collector's requests, [{id, status, reason, ...}]
    facts       {probe's name: {...}}: what probes told, for those whose facts changed since the base report, each
                whole (all of them where base is 0); absent where nothing changed, and from older agents

A request is repeated until its answer has come; an agent answers a repeated one from memory. One of the kind
"diagnose" carries {sites, by_hand, source}: the worker's site numbers, at most 8, whether a person asked, and whether
excerpts may be answered; older collectors don't take them, and don't send that field. Its answer is
{id, status, reason, sites, cost}: status: "done" or "refused"; reason: a sentence for people, or ""; sites: one
{site, samples, types, ages, retention, garbage_share} for each site asked for:

    samples         live samples of the site
    types           [{name, share}], share of the site's oldest samples by bytes, 0 to 1, largest first
    ages            live bytes (an estimate) by age, {under_1_min, under_5_min, under_30_min, under_2_h, older}
    retention       [{count, hops}], most blocks first: how many samples are held in this way, and from the holder to
                    the block one {name, type, length, bound} a hop; length: elements of a container, bound: the most
                    that it may ever hold, int or null each; what no traverse function tells of begins with a hop of
                    the name "held from C"
    garbage_share   part of the bytes that nothing holds any more and the garbage collector will free
    excerpts        [{file, function, line, first, lines, note}]: source around the innermost frames in the user's own
                    code, allocation first, lines[0] being line number `first`; note: why there are no lines, or "";
                    absent where the user didn't allow it (HEAPTIDE_SOURCE), and from older agents

types, retention and garbage_share are null where the walk over the heap was refused; cost, where it wasn't, is
{fork_s, walk_s, objects}.

The collector replies {"acknowledged": sequence, "requests": [{"id", "kind", ...}]}, or, with status 409 where base
isn't the sequence it last acknowledged, {"error": {...}, "acknowledged": sequence}.

The packed form is the stored form: zlib over a row of unsigned LEB128 numbers: `PACKED_VERSION`, number of columns, the
columns' codes (`COLUMNS`), number of rows, the row ids as differences (ascending, so positive but for a first 0), then
each column whole, its values zigzag-coded. 300 changes of three columns take 4 to 5 bytes a value before zlib, and
decode in numpy without a loop.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

VERSION = 1
PACKED_VERSION = 1
CONTENT_TYPE = "application/vnd.heaptide.report+json; version=1"

MAX_COMPRESSED_BYTES = 1 << 20
MAX_REPORT_BYTES = 16 << 20

# Codes are part of the format: a code never changes its meaning, new columns get new codes.
COLUMNS = {
    "bytes": 1,
    "blocks": 2,
    "survivor_bytes": 3,
    "survivor_blocks": 4,
    "allocated_bytes": 5,
    "count": 6,
    "variance_kib2": 7,
}
SITE_COLUMNS = ("bytes", "blocks", "survivor_bytes", "survivor_blocks", "allocated_bytes", "variance_kib2")
TYPE_COLUMNS = ("count",)

VITALS = (
    "rss_bytes",
    "peak_rss_bytes",
    "pss_bytes",
    "limit_bytes",
    "limit_used_bytes",
    "malloc_used_bytes",
    "malloc_free_bytes",
    "pymalloc_used_bytes",
    "pymalloc_free_bytes",
    "garbage_bytes",
    "garbage_error_bytes",
    "gc_collections",
    "gc_pending",
    "gc_uncollectable",
    "threads",
    "open_files",
    "cpu_s",
)
COSTS = ("cpu_s", "held_bytes", "longest_hold_s", "dropped_reports", "errors", "census_spacing_s")


def pack(ids: Sequence[int], columns: dict[str, Sequence[int]]) -> bytes:
    """Packs rows of integers into the stored form.

    Args:
        ids: row ids, ascending, each once, not negative.
        columns: for each name in `COLUMNS`, one value a row, of either sign.

    Raises:
        ValueError: ids don't ascend, a column's length isn't theirs, or a column's name is unknown.
    """
    numbers = [PACKED_VERSION, len(columns)]
    for name, values in columns.items():
        if name not in COLUMNS:
            raise ValueError(f"column {name!r} is none of {', '.join(COLUMNS)}")
        if len(values) != len(ids):
            raise ValueError(f"column {name!r} has {len(values)} values for {len(ids)} ids")
        numbers.append(COLUMNS[name])
    numbers.append(len(ids))
    previous = 0
    for row, number in enumerate(ids):
        if number < previous or (row and number == previous):
            raise ValueError(f"id {number} after {previous}: ids must ascend, each once")
        numbers.append(number - previous)
        previous = number
    for values in columns.values():
        numbers.extend(value * 2 if value >= 0 else -value * 2 - 1 for value in values)
    return zlib.compress(bytes(_leb128(numbers)), 6)


def unpack(data: bytes) -> tuple[list[int], dict[str, list[int]]]:
    """Unpacks what `pack` made: the ids and the columns by name.

    Raises:
        ValueError: the data is damaged, or of a later version.
    """
    try:
        numbers = list(_numbers(zlib.decompress(data)))
    except zlib.error as error:
        raise ValueError(f"packed columns are damaged: {error}") from error
    if len(numbers) < 3 or numbers[0] != PACKED_VERSION:
        raise ValueError(f"packed columns of version {numbers[:1]} can't be read, only {PACKED_VERSION}")
    width = numbers[1]
    names_by_code = {code: name for name, code in COLUMNS.items()}
    codes, rest = numbers[2 : 2 + width], numbers[2 + width :]
    if not rest or len(rest) != 1 + rest[0] * (1 + width):
        raise ValueError(f"packed columns are damaged: {len(rest)} numbers for {width} columns")
    if unknown := set(codes) - set(names_by_code):
        raise ValueError(f"packed column codes {sorted(unknown)} are unknown")
    rows = rest[0]
    ids: list[int] = []
    previous = 0
    for step in rest[1 : 1 + rows]:
        previous += step
        ids.append(previous)
    columns = {}
    for index, code in enumerate(codes):
        start = 1 + rows * (1 + index)
        columns[names_by_code[code]] = [(n >> 1) ^ -(n & 1) for n in rest[start : start + rows]]
    return ids, columns


def _leb128(numbers: Sequence[int]) -> Iterator[int]:
    for number in numbers:
        while number > 0x7F:
            yield number & 0x7F | 0x80
            number >>= 7
        yield number


def _numbers(data: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in data:
        number |= (byte & 0x7F) << shift
        if byte & 0x80:
            shift += 7
        else:
            yield number
            number = shift = 0
    if shift:
        raise ValueError("packed columns are damaged: they end within a number")
