"""Construction of the database from the settings."""

from common.settings import Settings
from data_layer.database import Database
from data_layer.database_options import DatabaseOptions


def open_database(settings: Settings, url: str | None = None) -> Database:
    """Return the configured database, or that of another URL, without connecting to it."""
    return Database(
        url or settings.database_url,
        DatabaseOptions(
            pool_size=settings.database_pool_size,
            connect_timeout_seconds=settings.database_connect_timeout_seconds,
            statement_timeout_seconds=settings.database_statement_timeout_seconds,
            lock_timeout_seconds=settings.database_lock_timeout_seconds,
            isolation=settings.database_isolation,
        ),
    )
