"""The signing keys, in a dictionary by id."""

from data_layer.entities.signing_key import SigningKey


class FakeSigningKeyRepository:
    """See `data_layer.ports.signing_keys.SigningKeyRepository`."""

    def __init__(self, keys: dict[str, SigningKey]) -> None:
        self.keys = keys

    def add(self, key: SigningKey) -> None:
        """Store a new key."""
        self.keys[key.id] = key

    def list(self) -> tuple[SigningKey, ...]:
        """Return every key, newest first."""
        return tuple(sorted(self.keys.values(), key=lambda key: key.created_at, reverse=True))

    def remove(self, key_id: str) -> None:
        """Forget the key."""
        self.keys.pop(key_id, None)
