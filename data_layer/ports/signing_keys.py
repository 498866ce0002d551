"""Repository of signing keys."""

from typing import Protocol

from data_layer.entities.signing_key import SigningKey


class SigningKeyRepository(Protocol):
    """Keys for access tokens that the service generated, if the operator configured none."""

    def add(self, key: SigningKey) -> None:
        """Store a new key."""
        ...

    def list(self) -> tuple[SigningKey, ...]:
        """Return all keys, newest first."""
        ...

    def remove(self, key_id: str) -> None:
        """Delete the key with this id, if it exists."""
        ...
