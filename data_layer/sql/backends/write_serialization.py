"""One writer at a time, as SQLite has it: no transaction meets another that is half done.

Films are added far more rarely than they are read, and wait for OMDb much longer than for one
another. In return nothing can deadlock, and nobody is told of a conflict that is none.
"""

from sqlalchemy import Connection, Engine, event, text

MIGRATES = "movies_migrates"
"""Execution option of connections that make the tables, and have nothing to wait at yet."""

_TAKE_TURN = text("SELECT version_num FROM alembic_version FOR UPDATE")


def let_write_one_by_one(engine: Engine) -> None:
    """Have every transaction of the engine wait for its turn, at the schema's version."""
    event.listen(engine, "begin", _wait_for_turn)


def _wait_for_turn(connection: Connection) -> None:
    if not connection.get_execution_options().get(MIGRATES):
        connection.execute(_TAKE_TURN)
