"""Column types of the migrations, never changed, since applied migrations depend on them."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import BINARY, DATETIME, MEDIUMBLOB, TINYBLOB

BYTEWISE: dict[str, Any] = {"mariadb_charset": "utf8mb4", "mariadb_collate": "utf8mb4_nopad_bin"}
"""Table options for MariaDB, whose default collation ignores case, accents and trailing spaces."""


def id_type() -> sa.types.TypeEngine[int]:
    """Return the type of ids; SQLite generates ids only in a column declared as INTEGER."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def key_type() -> sa.types.TypeEngine[str]:
    """Return the type of sort keys; PostgreSQL sorts bytewise only with the collation C."""
    return sa.String(512).with_variant(sa.String(512, collation="C"), "postgresql")


def datetime_type() -> sa.types.TypeEngine[dt.datetime]:
    """Return the type of times in UTC; MariaDB stores microseconds only with `fsp=6`."""
    return sa.DateTime().with_variant(DATETIME(fsp=6), "mariadb")


def hash_type() -> sa.types.TypeEngine[bytes]:
    """Return the type of SHA-256 digests that are not indexed."""
    return sa.LargeBinary(32).with_variant(TINYBLOB, "mariadb")


def binary_key_type() -> sa.types.TypeEngine[bytes]:
    """Return the type of SHA-256 digests that are keys; MariaDB cannot index a BLOB."""
    return sa.LargeBinary(32).with_variant(BINARY(32), "mariadb")


def document_type() -> sa.types.TypeEngine[bytes]:
    """Return the type of documents; a BLOB of MariaDB is limited to 64 KiB."""
    return sa.LargeBinary().with_variant(MEDIUMBLOB, "mariadb")
