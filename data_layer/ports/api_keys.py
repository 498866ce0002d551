"""Repository of API keys."""

from typing import Protocol

from data_layer.entities.api_key import ApiKey


class ApiKeyRepository(Protocol):
    """API keys. Revoked keys stay stored, so that their names are not reused."""

    def add(self, key: ApiKey) -> None:
        """Store a new key.

        Raises:
            Conflict: Another key has this name or prefix.
        """
        ...

    def find_by_prefix(self, prefix: str) -> ApiKey | None:
        """Return the key with this prefix, or `None`."""
        ...

    def find_by_name(self, name: str) -> ApiKey | None:
        """Return the key with this name, or `None`; case-sensitive."""
        ...

    def list(self) -> tuple[ApiKey, ...]:
        """Return all keys, oldest first, including revoked and expired ones."""
        ...

    def update(self, key: ApiKey) -> None:
        """Replace the key with this prefix, except for its name and time of creation."""
        ...

    def remove(self, prefix: str) -> None:
        """Delete the key with this prefix, if there is one; its name can then be used again."""
        ...
