"""User who logs in with a password."""

import datetime as dt
import re
from dataclasses import dataclass

from data_layer.entities.scope import Scope

USERNAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
"""Grammar of user names: 1 to 64 lower-case letters, digits and `._@-`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """User account, without the password. Times are in UTC."""

    username: str
    """Unique name, never reused; see `USERNAME`."""
    password_hash: str
    """Argon2id hash in the PHC string format."""
    scopes: frozenset[Scope]
    created_at: dt.datetime
    disabled_at: dt.datetime | None = None
