"""Signing keys of access tokens in a table."""

from data_layer.entities.signing_key import SigningKey
from data_layer.ports.signing_keys import SigningKeyRepository
from data_layer.sql import models
from data_layer.sql.entity_mapper import EntityMapper
from data_layer.sql.transaction import Transaction


class SqlAlchemySigningKeyRepository(SigningKeyRepository):
    """SQL implementation of `data_layer.ports.signing_keys.SigningKeyRepository`."""

    def __init__(self, transaction: Transaction) -> None:
        self._rows = EntityMapper(transaction.session, SigningKey, models.SigningKey)

    def add(self, key: SigningKey) -> None:
        """Insert the key."""
        self._rows.add(key)

    def list(self) -> tuple[SigningKey, ...]:
        """Return all keys, newest first."""
        return self._rows.list(by=models.SigningKey.created_at.desc())

    def remove(self, key_id: str) -> None:
        """Delete the key, if it exists."""
        self._rows.remove(models.SigningKey.id == key_id)
