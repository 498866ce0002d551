"""Scopes of credentials."""

from enum import StrEnum


class Scope(StrEnum):
    """Permission granted to a credential."""

    ADMIN = "admin"
    """All permissions."""
    MOVIES_WRITE = "movies:write"
    """Change and refresh movies; add movies if adding requires authentication."""
    MOVIES_DELETE = "movies:delete"
    """Delete movies."""
    KEYS_ADMIN = "keys:admin"
    """Create, list, rotate and revoke API keys, within the caller's own scopes."""
    USERS_ADMIN = "users:admin"
    """Create, list, change and disable users, within the caller's own scopes."""
    OPS_READ = "ops:read"
    """Read operational data."""
