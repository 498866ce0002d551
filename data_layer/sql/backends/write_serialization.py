"""Serialization of writing transactions on database servers, as SQLite does it.

Writes are far rarer than reads and wait much longer for OMDb than for each other, so that
serialization costs little. Serialized writers cannot deadlock and cause no spurious conflicts.
"""

from sqlalchemy import Connection, Engine, event, text

MIGRATES = "movies_migrates"
"""Execution option of migrating connections, which start before the locked row exists."""

_ACQUIRE = text("SELECT version_num FROM alembic_version FOR UPDATE")


def serialize_writers(engine: Engine) -> None:
    """Lock the row of the schema version at the start of every transaction of the engine."""
    event.listen(engine, "begin", _acquire_writer_lock)


def _acquire_writer_lock(connection: Connection) -> None:
    if not connection.get_execution_options().get(MIGRATES):
        connection.execute(_ACQUIRE)
