"""API keys in a table."""

from data_layer.entities.api_key import ApiKey
from data_layer.ports.api_keys import ApiKeyRepository
from data_layer.sql import models
from data_layer.sql.entity_mapper import EntityMapper
from data_layer.sql.transaction import Transaction


class SqlAlchemyApiKeyRepository(ApiKeyRepository):
    """SQL implementation of `data_layer.ports.api_keys.ApiKeyRepository`."""

    def __init__(self, transaction: Transaction) -> None:
        self._rows = EntityMapper(transaction.session, ApiKey, models.ApiKey)

    def add(self, key: ApiKey) -> None:
        """Insert the key; unique columns reject a known name or prefix."""
        self._rows.add(key)

    def find_by_prefix(self, prefix: str) -> ApiKey | None:
        """Return the key with this prefix, or None."""
        return self._rows.find(models.ApiKey.prefix == prefix)

    def find_by_name(self, name: str) -> ApiKey | None:
        """Return the key with this name, or None."""
        return self._rows.find(models.ApiKey.name == name)

    def list(self) -> tuple[ApiKey, ...]:
        """Return all keys in the order of creation."""
        return self._rows.list(by=models.ApiKey.id)

    def update(self, key: ApiKey) -> None:
        """Overwrite the key with this prefix."""
        self._rows.update(key, models.ApiKey.prefix == key.prefix, "No API key has this prefix.")

    def remove(self, prefix: str) -> None:
        """Delete the key with this prefix."""
        self._rows.remove(models.ApiKey.prefix == prefix)
