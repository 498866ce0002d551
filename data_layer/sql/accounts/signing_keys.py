"""What tokens are signed with, in a table."""

from sqlalchemy.orm import Session

from data_layer.entities.signing_key import SigningKey
from data_layer.sql import models
from data_layer.sql.entity_mapper import EntityRows


class SqlAlchemySigningKeyRepository:
    """See `data_layer.ports.signing_keys.SigningKeyRepository`."""

    def __init__(self, session: Session) -> None:
        self._rows = EntityRows(session, SigningKey, models.SigningKey)

    def add(self, key: SigningKey) -> None:
        """Insert the key."""
        self._rows.add(key)

    def list(self) -> tuple[SigningKey, ...]:
        """Read every key, newest first."""
        return self._rows.list(by=models.SigningKey.created_at.desc())

    def remove(self, key_id: str) -> None:
        """Delete the key."""
        self._rows.remove(models.SigningKey.id == key_id)
