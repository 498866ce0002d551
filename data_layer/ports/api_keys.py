"""The API keys that open this service."""

from typing import Protocol

from data_layer.entities.api_key import ApiKey


class ApiKeyRepository(Protocol):
    """Keeps keys for ever, so that nobody takes a revoked one's name."""

    def add(self, key: ApiKey) -> None:
        """Store a new key.

        Raises:
            Conflict: the name or the prefix is taken.
        """
        ...

    def find_by_prefix(self, prefix: str) -> ApiKey | None:
        """Return the key that starts with these characters, if there is one."""
        ...

    def find_by_name(self, name: str) -> ApiKey | None:
        """Return the key of this name, if there is one; case matters."""
        ...

    def list(self) -> tuple[ApiKey, ...]:
        """Return every key, oldest first, revoked and expired ones included."""
        ...

    def update(self, key: ApiKey) -> None:
        """Store all that can change of the key with this prefix: all but name and creation.

        Raises:
            NotFound: there is none.
        """
        ...
