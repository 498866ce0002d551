"""API keys in a dictionary by prefix."""

from common.errors import Conflict, NotFound
from data_layer.entities.api_key import ApiKey
from data_layer.ports.api_keys import ApiKeyRepository


class FakeApiKeyRepository(ApiKeyRepository):
    """In-memory `data_layer.ports.api_keys.ApiKeyRepository`."""

    def __init__(self) -> None:
        self.rows: dict[str, ApiKey] = {}

    def add(self, key: ApiKey) -> None:
        """Store a new key."""
        if key.prefix in self.rows or self.find_by_name(key.name) is not None:
            raise Conflict("An API key has this name.")
        self.rows[key.prefix] = key

    def find_by_prefix(self, prefix: str) -> ApiKey | None:
        """Return the key with this prefix, or `None`."""
        return self.rows.get(prefix)

    def find_by_name(self, name: str) -> ApiKey | None:
        """Return the key with this name, or `None`."""
        return next((key for key in self.rows.values() if key.name == name), None)

    def list(self) -> tuple[ApiKey, ...]:
        """Return all keys, oldest first."""
        return tuple(self.rows.values())

    def update(self, key: ApiKey) -> None:
        """Replace the key with this prefix."""
        if key.prefix not in self.rows:
            raise NotFound("No API key has this prefix.")
        self.rows[key.prefix] = key

    def remove(self, prefix: str) -> None:
        """Delete the key with this prefix."""
        self.rows.pop(prefix, None)
