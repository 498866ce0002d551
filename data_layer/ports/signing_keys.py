"""What tokens are signed with."""

from typing import Protocol

from data_layer.entities.signing_key import SigningKey


class SigningKeyRepository(Protocol):
    """Keeps the secrets of this service that were not given by its operator."""

    def add(self, key: SigningKey) -> None:
        """Store a new key."""
        ...

    def list(self) -> tuple[SigningKey, ...]:
        """Return every key, newest first."""
        ...

    def remove(self, key_id: str) -> None:
        """Forget a key; nothing happens where there is none."""
        ...
