"""The schema, step by step. A step that was released is never edited: the next change is a step of its own."""

from __future__ import annotations

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from heaptide_server.store import definitions, fleetwide, told_in_buckets, types_in_buckets

migrations = Migrations("heaptide.store")

# Statement by statement, because `executescript` would commit the migration's transaction.
_FIRST = (
    """CREATE TABLE workers (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL, service TEXT NOT NULL, environment TEXT NOT NULL,
        host TEXT NOT NULL, pid INTEGER NOT NULL, started_at REAL NOT NULL, release TEXT, python TEXT NOT NULL,
        agent TEXT NOT NULL, server TEXT, interval_s REAL NOT NULL, slot INTEGER NOT NULL, generation INTEGER NOT NULL,
        first_seen REAL NOT NULL, last_seen REAL NOT NULL, ended_at REAL, end_reason TEXT,
        acknowledged INTEGER NOT NULL, answered INTEGER NOT NULL, requests INTEGER NOT NULL,
        vitals TEXT NOT NULL, tracer TEXT NOT NULL, costs TEXT NOT NULL, skew_s REAL NOT NULL)""",
    "CREATE INDEX workers_by_key ON workers (key, id)",
    "CREATE INDEX workers_by_group ON workers (service, environment, host, last_seen)",
    "CREATE INDEX workers_alive ON workers (id) WHERE ended_at IS NULL",
    "CREATE TABLE sites (id INTEGER PRIMARY KEY, fingerprint BLOB NOT NULL UNIQUE, name TEXT NOT NULL, frames TEXT)",
    "CREATE TABLE types (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    # The worker's own numbers `first`, `first + 1`, ... are these sites or types: 64-bit little-endian ids.
    """CREATE TABLE numbers (
        worker_id INTEGER NOT NULL REFERENCES workers (id), kind TEXT NOT NULL, first INTEGER NOT NULL,
        ids BLOB NOT NULL, PRIMARY KEY (worker_id, kind, first)) WITHOUT ROWID""",
    # AUTOINCREMENT: jobs remember the last id that they read, so an id is never used again.
    """CREATE TABLE entries (
        id INTEGER PRIMARY KEY AUTOINCREMENT, worker_id INTEGER NOT NULL REFERENCES workers (id), kind TEXT NOT NULL,
        sequence INTEGER NOT NULL, at REAL NOT NULL, elapsed_s REAL NOT NULL, requests INTEGER NOT NULL,
        vitals TEXT NOT NULL, sites BLOB NOT NULL, types BLOB NOT NULL, looked INTEGER NOT NULL)""",
    "CREATE INDEX entries_by_worker ON entries (worker_id, at)",
    """CREATE TABLE checkpoints (
        worker_id INTEGER PRIMARY KEY REFERENCES workers (id), entry_id INTEGER NOT NULL, sites BLOB NOT NULL,
        types BLOB NOT NULL)""",
    """CREATE TABLE rollups (
        id INTEGER PRIMARY KEY, worker_id INTEGER NOT NULL REFERENCES workers (id), width_s INTEGER NOT NULL,
        start REAL NOT NULL, elapsed_s REAL NOT NULL, requests INTEGER NOT NULL, vitals TEXT NOT NULL,
        sites BLOB NOT NULL, types BLOB NOT NULL, UNIQUE (worker_id, width_s, start))""",
    "CREATE INDEX rollups_by_age ON rollups (width_s, start)",
    # Buckets that got something since they were last made.
    """CREATE TABLE touched (
        width_s INTEGER NOT NULL, start REAL NOT NULL, worker_id INTEGER NOT NULL,
        PRIMARY KEY (width_s, start, worker_id)) WITHOUT ROWID""",
    # For each width (0: raw entries), the time before which it was dropped.
    "CREATE TABLE kept (width_s INTEGER PRIMARY KEY, before REAL NOT NULL)",
    """CREATE TABLE totals (
        id INTEGER PRIMARY KEY, hour REAL NOT NULL, service TEXT NOT NULL, environment TEXT NOT NULL, release TEXT,
        site_id INTEGER NOT NULL REFERENCES sites (id), growth_bytes INTEGER NOT NULL, growth_blocks INTEGER NOT NULL,
        live_bytes INTEGER NOT NULL, requests INTEGER NOT NULL)""",
    "CREATE INDEX totals_by_hour ON totals (hour, service, environment)",
    """CREATE VIEW hourly_totals AS
        SELECT datetime(hour, 'unixepoch') AS hour, service, environment, release, sites.name AS site, growth_bytes,
        growth_blocks, live_bytes, requests FROM totals JOIN sites ON sites.id = site_id""",
    """CREATE TABLE events (
        id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, service TEXT NOT NULL, environment TEXT,
        release TEXT, text TEXT NOT NULL)""",
    "CREATE INDEX events_by_service ON events (service, at)",
    """CREATE TABLE trace_requests (
        id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, service TEXT NOT NULL, sample_bytes INTEGER)""",
    # One row, written by each health check: whether the disk takes writes is known only by writing.
    "CREATE TABLE health (id INTEGER PRIMARY KEY CHECK (id = 1), at REAL NOT NULL)",
)


@migrations()
def first(db: Database) -> None:
    """Workers, what they defined and reported, rollups, totals, events, requests."""
    for statement in _FIRST:
        db.execute(statement)


@migrations()
def second(db: Database) -> None:
    """Requests of every kind in one table; to one worker, or to all of a service where `worker_id` is null."""
    db.execute(
        """CREATE TABLE requests (
        id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, kind TEXT NOT NULL, service TEXT NOT NULL,
        worker_id INTEGER, worker_key TEXT, body TEXT NOT NULL, suspects TEXT NOT NULL, answered INTEGER NOT NULL)"""
    )
    # With their numbers: workers remember the last that they answered.
    db.execute(
        """INSERT INTO requests SELECT id, at, 'trace', service, NULL, NULL,
        json_object('sample_bytes', sample_bytes), '{}', 0 FROM trace_requests"""
    )
    db.execute("DROP TABLE trace_requests")


@migrations()
def fleet(db: Database) -> None:
    """Sums over all workers of a service, and the ways in which pages look things up."""
    for statement in fleetwide.TABLE:
        db.execute(statement)
    db.execute("CREATE INDEX workers_by_service ON workers (service, last_seen, environment, first_seen, release)")
    db.execute("CREATE INDEX totals_by_site ON totals (site_id, hour)")
    fleetwide.make_all(db.conn)


@migrations()
def told(db: Database) -> None:
    """What workers told in closed buckets, a row a vital, and how the numbers of objects changed; sums are counted by
    an index alone, because each row is large.
    """
    db.execute("DROP INDEX IF EXISTS fleet_by_age")
    db.execute("CREATE INDEX fleet_by_width ON fleet (width_s, start, workers)")
    for statement in (*told_in_buckets.TABLE, *types_in_buckets.TABLE):
        db.execute(statement)
    fleetwide.make_all_told(db.conn)


@migrations()
def ages(db: Database) -> None:
    """What can be dropped is found without reading all that can't: sites and types by age, workers by end and age."""
    for statement in definitions.STEPS:
        db.execute(statement)
    db.execute("CREATE INDEX workers_by_end ON workers (ended_at)")
    db.execute("CREATE INDEX workers_by_age ON workers (first_seen)")
