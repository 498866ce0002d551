"""Somebody who signs in with a password."""

import datetime as dt
import re
from dataclasses import dataclass

from data_layer.entities.scope import Scope

USERNAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
"""What users are called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user, as it is kept: never the password itself. Times are in UTC."""

    username: str
    """Unique for ever; see `USERNAME`."""
    password_hash: str
    """Argon2id, in PHC's notation."""
    scopes: frozenset[Scope]
    created_at: dt.datetime
    disabled_at: dt.datetime | None = None
