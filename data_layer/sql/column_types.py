"""Columns that databases have to be told more about, to treat them alike."""

import datetime as dt

from sqlalchemy import BigInteger, DateTime, Integer, LargeBinary, String
from sqlalchemy.dialects.mysql import BINARY, DATETIME, MEDIUMBLOB, TINYBLOB
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from common.text import KEY_MAX_CHARACTERS

Id = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only in a column that is an INTEGER to the letter."""

Key = String(KEY_MAX_CHARACTERS).with_variant(
    String(KEY_MAX_CHARACTERS, collation="C"), "postgresql"
)
"""Sorted by its bytes on every database; on MariaDB whole tables are, see the migrations."""

Document = LargeBinary().with_variant(MEDIUMBLOB, "mariadb")
"""MariaDB's own choice would hold 64 KB."""

Hash = LargeBinary(32).with_variant(TINYBLOB, "mariadb")
"""32 bytes."""


Binary = LargeBinary(32).with_variant(BINARY(32), "mariadb")
"""32 bytes that rows are found by."""


class UtcDateTime(TypeDecorator[dt.datetime]):
    """A column of aware datetimes in UTC; most databases give them back without a zone."""

    impl = DateTime().with_variant(DATETIME(fsp=6), "mariadb")
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """Store the time of UTC without a zone."""
        return value and value.astimezone(dt.UTC).replace(tzinfo=None)

    def process_result_value(
        self, value: dt.datetime | None, dialect: Dialect
    ) -> dt.datetime | None:
        """Add the zone again."""
        return value and value.replace(tzinfo=dt.UTC)
