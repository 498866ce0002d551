"""Column types that need database-specific variants to behave the same everywhere."""

import datetime as dt

from sqlalchemy import BigInteger, DateTime, Integer, LargeBinary, String
from sqlalchemy.dialects.mysql import BINARY, DATETIME, MEDIUMBLOB, TINYBLOB
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from common.text import KEY_MAX_CHARACTERS

Id = BigInteger().with_variant(Integer, "sqlite")
"""Generated row id. SQLite generates ids only for a column declared exactly as INTEGER."""

Key = String(KEY_MAX_CHARACTERS).with_variant(
    String(KEY_MAX_CHARACTERS, collation="C"), "postgresql"
)
"""Text sorted by its bytes on every database. On MariaDB the migrations set this per table."""

Document = LargeBinary().with_variant(MEDIUMBLOB, "mariadb")
"""Bytes of any length. MariaDB's default type would hold at most 64 KB."""

Hash = LargeBinary(32).with_variant(TINYBLOB, "mariadb")
"""32 bytes, not indexed."""

Binary = LargeBinary(32).with_variant(BINARY(32), "mariadb")
"""32 bytes, indexed."""


class UtcDateTime(TypeDecorator[dt.datetime]):
    """Column of aware datetimes in UTC; the database stores them without a time zone."""

    impl = DateTime().with_variant(DATETIME(fsp=6), "mariadb")
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """Convert to UTC and remove the time zone."""
        return value and value.astimezone(dt.UTC).replace(tzinfo=None)

    def process_result_value(
        self, value: dt.datetime | None, dialect: Dialect
    ) -> dt.datetime | None:
        """Add UTC as the time zone."""
        return value and value.replace(tzinfo=dt.UTC)
