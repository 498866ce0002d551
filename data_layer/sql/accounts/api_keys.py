"""The API keys, in a table."""

from sqlalchemy.orm import Session

from data_layer.entities.api_key import ApiKey
from data_layer.sql import models
from data_layer.sql.entity_mapper import EntityRows


class SqlAlchemyApiKeyRepository:
    """See `data_layer.ports.api_keys.ApiKeyRepository`."""

    def __init__(self, session: Session) -> None:
        self._rows = EntityRows(session, ApiKey, models.ApiKey)

    def add(self, key: ApiKey) -> None:
        """Insert the key; its unique columns tell a conflict."""
        self._rows.add(key)

    def find_by_prefix(self, prefix: str) -> ApiKey | None:
        """Look the unique prefix up."""
        return self._rows.find(models.ApiKey.prefix == prefix)

    def find_by_name(self, name: str) -> ApiKey | None:
        """Look the unique name up."""
        return self._rows.find(models.ApiKey.name == name)

    def list(self) -> tuple[ApiKey, ...]:
        """Read every key in the order of creation."""
        return self._rows.list(by=models.ApiKey.id)

    def update(self, key: ApiKey) -> None:
        """Write the key of this prefix."""
        self._rows.update(key, models.ApiKey.prefix == key.prefix, "There is no such API key.")
