"""Password rules, hashing and verification."""

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError

from common.errors import InvalidInput
from common.text import is_storable

MIN_CHARACTERS, MAX_CHARACTERS = 10, 256

_ARGON2ID = PasswordHash.recommended()

_DUMMY_HASH = (
    "$argon2id$v=19$m=65536,t=3,p=4$bm9ib2R5J3Mgc2FsdCEhIQ"
    "$8qXbJHJDTsRNGBzu5eVsKyLj4HvcmK2dm1ZwJ7N8QpQ"
)
"""Verified where the user does not exist, so that the timing does not reveal that. No password
has this hash."""


def hash_password(password: str, field: str = "password") -> str:
    """Return the salted Argon2id hash of a password; `field` names the input in the error.

    Raises:
        InvalidInput: the password is too short, too long, or has characters that cannot be stored.
    """
    if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS or not is_storable(password):
        raise InvalidInput(
            f"A password has {MIN_CHARACTERS} to {MAX_CHARACTERS} characters.", field=field
        )
    return _ARGON2ID.hash(password)


def is_same_password(password: str, password_hash: str | None) -> bool:
    """Return whether the password has this hash; `None` takes as long and returns false."""
    if len(password) > MAX_CHARACTERS or not is_storable(password):
        return False
    try:
        return _ARGON2ID.verify(password, password_hash or _DUMMY_HASH)
    except UnknownHashError:  # The stored value was edited outside this service.
        return False
