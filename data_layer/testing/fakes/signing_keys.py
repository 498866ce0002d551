"""Signing keys in a dictionary by id."""

from data_layer.entities.signing_key import SigningKey
from data_layer.ports.signing_keys import SigningKeyRepository


class FakeSigningKeyRepository(SigningKeyRepository):
    """In-memory `data_layer.ports.signing_keys.SigningKeyRepository`."""

    def __init__(self) -> None:
        self.rows: dict[str, SigningKey] = {}

    def add(self, key: SigningKey) -> None:
        """Store a new key."""
        self.rows[key.id] = key

    def list(self) -> tuple[SigningKey, ...]:
        """Return all keys, newest first."""
        return tuple(sorted(self.rows.values(), key=lambda key: key.created_at, reverse=True))

    def remove(self, key_id: str) -> None:
        """Delete the key with this id, if it exists."""
        self.rows.pop(key_id, None)
