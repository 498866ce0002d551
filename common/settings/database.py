"""Settings of the database."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from common.settings.base import SettingsGroup

_DATABASE_URL = re.compile(r"sqlite:///.+|(postgresql|mysql|mariadb)://[^/]*/[^/?]+(\?.*)?")

DATABASE_URL_FORMS = (
    "sqlite:/// and the path of a file, or postgresql:// or mysql:// with"
    " user:password@host/database"
)


def is_database_url(value: str) -> bool:
    """Return whether `value` is the URL of a supported database; in-memory SQLite is not."""
    return bool(_DATABASE_URL.fullmatch(value)) and value != "sqlite:///:memory:"


class DatabaseSettings(SettingsGroup):
    """Database URL, pool size, timeouts and isolation level."""

    database_url: Annotated[str, Field(validation_alias="DATABASE_URL", repr=False)] = (
        "sqlite:///movies.db"
    )
    """URL of the database: `sqlite:///` and the path of a file,
    `postgresql://user:password@host/database`, or `mysql://…` for MariaDB."""

    database_pool_size: Annotated[int, Field(ge=1, le=1000)] = 10
    """Maximum connections to a database server for each process, 1 to 1,000, in each of its two
    pools: one for reads, one for writes."""

    database_connect_timeout_seconds: Annotated[int, Field(ge=1, le=300)] = 5
    """Seconds to wait for a new connection or for a free one of the pool, 1 to 300, before the
    request fails with 503."""

    database_statement_timeout_seconds: Annotated[int, Field(ge=1, le=3600)] = 5
    """Seconds after which a database server cancels a statement, 1 to 3,600; SQLite has no such
    limit."""

    database_lock_timeout_seconds: Annotated[int, Field(ge=1, le=300)] = 5
    """Seconds that a write waits for locks of other transactions, 1 to 300, before it fails with
    503."""

    database_isolation: Literal["read committed", "repeatable read", "serializable"] = (
        "read committed"
    )
    """Isolation level of writes on a database server; writes on SQLite are always serializable."""

    @field_validator("database_url")
    @classmethod
    def _require_known_database(cls, value: str) -> str:
        if not is_database_url(value):
            raise ValueError(f"it must be {DATABASE_URL_FORMS}")
        return value
