"""What one report does to the store: a link in its worker's chain, a repetition, or a gap."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np

from heaptide_server.model import Columns, Ints, Receipt, Report
from heaptide_server.store import definitions, facts, packed, records, requests
from heaptide_server.store.cover import FIVE_MINUTES
from heaptide_server.store.known import Known
from heaptide_server.store.levels import Levels
from heaptide_server.store.roster import Roster

_NOTHING = packed.encode(packed.EMPTY)


def accept(roster: Roster, report: Report, sites: Columns, types: Columns, now: float, oldest: float) -> Receipt:
    """Stores a report that continues its worker's chain.

    Args:
        roster: the workers, in the writer's transaction.
        report: the report; `sites` and `types` are its changes, decoded.
        now: time of receipt by the collector's clock.
        oldest: an older report counts as taken then, so that it lies in buckets whose raw entries are still there.
    """
    known = roster.find(report.worker.key)
    acknowledged = known.acknowledged if known else 0
    if known and report.sequence <= acknowledged:
        return Receipt("repeated", acknowledged)
    at = min(max(report.taken_at, oldest), now)
    if report.base == 0:
        if known and not known.ended:
            end(roster, known, "resync", now)
        known = _begin(roster, report, at, now)
    elif known is None or report.base != acknowledged:
        return Receipt("gap", acknowledged)
    elif (report.first_site, report.first_type) != (known.sites.count, known.types.count):
        # Its numbers and ours have come apart: only a new beginning mends that.
        return Receipt("gap", 0)
    _continue(roster, known, report, sites, types, max(at, known.at), now)
    return Receipt("accepted", report.sequence)


def end(roster: Roster, known: Known, reason: str, now: float) -> None:
    """Ends a worker: its levels leave the live totals, nothing counts as freed. They are kept: it may come back."""
    at = max(now, known.at)
    entry_id = _insert_entry(roster, known.id, "end", known.acknowledged, at)
    sql = "UPDATE workers SET ended_at = ?, end_reason = ? WHERE id = ?"
    roster.connection.execute(sql, [at, reason, known.id])
    known = replace(known, ended=True, entry_id=entry_id, at=at)
    checkpoint(roster, known)
    roster.keep(known)
    roster.regroup(known.identity, now)


def checkpoint(roster: Roster, known: Known) -> None:
    """Writes a worker's levels, so that reading them back needs only what came after."""
    roster.connection.execute(
        "INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?)",
        [known.id, known.entry_id, packed.encode(known.sites.columns()), packed.encode(known.types.columns())],
    )


def _begin(roster: Roster, report: Report, at: float, now: float) -> Known:
    columns = records.identity_values(report.worker) | {"slot": 0, "generation": 0, "first_seen": now, "last_seen": now}
    columns |= {"acknowledged": 0, "answered": 0, "requests": 0, "vitals": "[]", "tracer": "{}", "costs": "{}"}
    columns |= {"skew_s": report.skew_s}
    names, marks = ", ".join(columns), records.marks(list(columns))
    cursor = roster.connection.execute(
        f"INSERT INTO workers ({names}) VALUES ({marks})",  # noqa: S608 - the names are our own
        list(columns.values()),
    )
    roster.regroup(report.worker, now)
    nothing: Ints = np.zeros(0, np.int64)
    return Known(
        id=cursor.lastrowid or 0,
        identity=report.worker,
        acknowledged=0,
        answered=0,
        requests=0,
        first_seen=now,
        last_seen=now,
        ended=False,
        entry_id=0,
        at=at,
        checkpoint_at=now,
        vitals={},
        sites=Levels(),
        types=Levels(),
        site_ids=nothing,
        type_ids=nothing,
    )


def _continue(
    roster: Roster, known: Known, report: Report, sites: Columns, types: Columns, at: float, now: float
) -> None:
    defined_at = max(now, known.first_seen)  # clocks may be set back
    site_ids = definitions.define_sites(roster.connection, known.id, report, defined_at)
    type_ids = definitions.define_types(roster.connection, known.id, report, defined_at)
    entry_id = _insert_entry(roster, known.id, "change" if report.base else "start", report.sequence, at, report)
    if known.ended:
        roster.regroup(known.identity, now)
    known = replace(
        known,
        acknowledged=report.sequence,
        answered=requests.answered(roster, known, report, now),
        requests=known.requests + report.requests,
        last_seen=now,
        ended=False,
        entry_id=entry_id,
        at=at,
        vitals=report.vitals,
        sites=known.sites.after(sites, known.sites.count + len(site_ids)),
        types=known.types.after(types, known.types.count + len(type_ids)),
        site_ids=np.concatenate([known.site_ids, site_ids]),
        type_ids=np.concatenate([known.type_ids, type_ids]),
    )
    _update_worker(roster, known, report)
    facts.keep(roster.connection, known.id, report.facts, now)
    roster.keep(known)
    if report.final:
        end(roster, known, "final", now)


def _insert_entry(
    roster: Roster, worker_id: int, kind: str, sequence: int, at: float, report: Report | None = None
) -> int:
    if report:
        told = [report.elapsed_s, report.requests, records.vitals_text(report.vitals)]
        rows = [report.site_changes, report.type_changes, not report.tracer.get("skipped", False)]
    else:
        told, rows = [0.0, 0, "[]"], [_NOTHING, _NOTHING, False]
    cursor = roster.connection.execute(
        "INSERT INTO entries (worker_id, kind, sequence, at, elapsed_s, requests, vitals, sites, types, looked) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [worker_id, kind, sequence, at, *told, *rows],
    )
    start = math.floor(at / FIVE_MINUTES) * FIVE_MINUTES
    roster.connection.execute("INSERT OR IGNORE INTO touched VALUES (?, ?, ?)", [FIVE_MINUTES, start, worker_id])
    return cursor.lastrowid or 0


def _update_worker(roster: Roster, known: Known, report: Report) -> None:
    roster.connection.execute(
        "UPDATE workers SET last_seen = ?, ended_at = NULL, end_reason = NULL, acknowledged = ?, answered = ?, "
        "requests = ?, vitals = ?, tracer = ?, costs = ?, skew_s = ? WHERE id = ?",
        [
            known.last_seen,
            known.acknowledged,
            known.answered,
            known.requests,
            records.vitals_text(report.vitals),
            json.dumps(report.tracer),
            json.dumps(report.agent),
            report.skew_s,
            known.id,
        ],
    )
