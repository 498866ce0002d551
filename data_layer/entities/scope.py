"""What a credential may do."""

from enum import StrEnum


class Scope(StrEnum):
    """What a credential may do."""

    ADMIN = "admin"
    """Everything."""
    MOVIES_WRITE = "movies:write"
    """Change films and fetch them again; add films, where that is not open to all."""
    MOVIES_DELETE = "movies:delete"
    """Remove films."""
    KEYS_ADMIN = "keys:admin"
    """Make, list, rotate and revoke API keys, of no more than one's own scopes."""
    USERS_ADMIN = "users:admin"
    """Make, list, change and disable users, of no more than one's own scopes."""
    OPS_READ = "ops:read"
    """Read what operators need to know."""
