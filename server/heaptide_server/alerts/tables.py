"""This room's tables, in the store's own file.

alert_deliveries has a row for each webhook to be sent, alert_notices one for each leak that it tells of.
"""

from __future__ import annotations

from sqlite_utils import Database, Migrations

migrations = Migrations("heaptide.alerts")


@migrations()
def create_tables(db: Database) -> None:
    """Deliveries, the state of endpoints, and the secrets that were made here."""
    # Statements one by one: executescript would end the migration's transaction.
    for statement in (
        """CREATE TABLE alert_deliveries (
            id INTEGER PRIMARY KEY, webhook_id TEXT NOT NULL UNIQUE, target TEXT NOT NULL, leak_id TEXT NOT NULL,
            type TEXT NOT NULL, body TEXT NOT NULL, status TEXT NOT NULL, created REAL NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0, next_attempt REAL NOT NULL, delivered_at REAL, status_code INTEGER,
            error TEXT, latency_s REAL, answer TEXT)""",
        "CREATE INDEX alert_deliveries_due ON alert_deliveries (next_attempt) WHERE status = 'pending'",
        "CREATE INDEX alert_deliveries_order ON alert_deliveries (target, leak_id, id)",
        "CREATE TABLE alert_endpoints (endpoint TEXT PRIMARY KEY, disabled_at REAL, paused_until REAL)",
        "CREATE TABLE alert_secrets (target TEXT PRIMARY KEY, secret TEXT NOT NULL)",
    ):
        db.execute(statement)


@migrations()
def several_leaks_a_delivery(db: Database) -> None:
    """A delivery may tell of several leaks; it has a body from its first attempt on, and none is added after that."""
    for statement in (
        """CREATE TABLE alert_notices (
            id INTEGER PRIMARY KEY, delivery_id INTEGER NOT NULL REFERENCES alert_deliveries (id),
            target TEXT NOT NULL, leak_id TEXT NOT NULL, sheet TEXT)""",
        "CREATE INDEX alert_notices_order ON alert_notices (target, leak_id, delivery_id)",
        "CREATE INDEX alert_notices_of ON alert_notices (delivery_id)",
        "INSERT INTO alert_notices (delivery_id, target, leak_id) SELECT id, target, leak_id FROM alert_deliveries",
        "DROP INDEX alert_deliveries_order",
        "ALTER TABLE alert_deliveries DROP COLUMN leak_id",
        "ALTER TABLE alert_deliveries ADD COLUMN service TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE alert_deliveries ADD COLUMN environment TEXT NOT NULL DEFAULT ''",
        "CREATE INDEX alert_deliveries_open ON alert_deliveries (target, service, environment) WHERE body = ''",
    ):
        db.execute(statement)


def migrate(db: Database) -> None:
    """Brings this room's tables to this version. Idempotent; needs a connection with no transaction open."""
    migrations.apply(db)
