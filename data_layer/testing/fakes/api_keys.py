"""The API keys, in a dictionary by prefix."""

from common.errors import Conflict, NotFound
from data_layer.entities.api_key import ApiKey


class FakeApiKeyRepository:
    """See `data_layer.ports.api_keys.ApiKeyRepository`."""

    def __init__(self, keys: dict[str, ApiKey]) -> None:
        self.keys = keys

    def add(self, key: ApiKey) -> None:
        """Store a new key."""
        if key.prefix in self.keys or self.find_by_name(key.name) is not None:
            raise Conflict("There is an API key of this name.")
        self.keys[key.prefix] = key

    def find_by_prefix(self, prefix: str) -> ApiKey | None:
        """Return the key of this prefix."""
        return self.keys.get(prefix)

    def find_by_name(self, name: str) -> ApiKey | None:
        """Return the key of this name."""
        return next((key for key in self.keys.values() if key.name == name), None)

    def list(self) -> tuple[ApiKey, ...]:
        """Return every key, oldest first."""
        return tuple(self.keys.values())

    def update(self, key: ApiKey) -> None:
        """Replace the key of this prefix."""
        if key.prefix not in self.keys:
            raise NotFound("There is no such API key.")
        self.keys[key.prefix] = key
