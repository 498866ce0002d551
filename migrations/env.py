"""Alembic environment: migrates the connection passed by the program, or `DATABASE_URL`."""

from typing import Any

from alembic import context
from alembic.ddl.mysql import MariaDBImpl
from sqlalchemy import Column, Connection, Index, Table

from common.settings import load_settings
from data_layer.bootstrap import open_database
from data_layer.sql.backends.write_serialization import MIGRATES
from data_layer.sql.models import Base


class RepeatableMariaDBImpl(MariaDBImpl):
    """Creation of what does not exist yet, on MariaDB.

    MariaDB commits each of these statements, so that an interrupted migration is repeated in part.
    Alembic uses this class for MariaDB because it is the last one with this `__dialect__`.
    """

    __dialect__ = "mariadb"

    def create_table(self, table: Table, **options: Any) -> None:  # noqa: ANN401 - As in the base class.
        """Create a table unless it exists."""
        super().create_table(table, **options | {"if_not_exists": True})

    def create_index(self, index: Index, **options: Any) -> None:  # noqa: ANN401 - As in the base class.
        """Create an index unless it exists."""
        super().create_index(index, **options | {"if_not_exists": True})

    def add_column(self, table_name: str, column: Column[Any], **options: Any) -> None:  # noqa: ANN401 - As in the base class.
        """Add a column unless it exists."""
        super().add_column(table_name, column, **options | {"if_not_exists": True})


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
