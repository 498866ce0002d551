"""Alembic environment: migrates the connection passed by the program, or `DATABASE_URL`."""

from alembic import context
from sqlalchemy import Connection

from common.settings import load_settings
from data_layer.bootstrap import open_database
from data_layer.sql.backends.write_serialization import MIGRATES
from data_layer.sql.models import Base


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


if (given := context.config.attributes.get("connection")) is not None:
    _run(given)
else:
    database = open_database(load_settings())
    migrating = database.engines.writing.execution_options(**{MIGRATES: True})
    with migrating.begin() as own, database.endpoint.backend.without_timeouts(own):
        _run(own)
