"""Passwords: which are taken, how they are kept, and how they are compared."""

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError

from common.errors import InvalidInput
from common.text import is_storable

MIN_CHARACTERS, MAX_CHARACTERS = 10, 256

_ARGON2ID = PasswordHash.recommended()

_NOBODYS_HASH = (
    "$argon2id$v=19$m=65536,t=3,p=4$bm9ib2R5J3Mgc2FsdCEhIQ"
    "$8qXbJHJDTsRNGBzu5eVsKyLj4HvcmK2dm1ZwJ7N8QpQ"
)
"""Is compared where there is no such user, so that it takes as long; nothing hashes to it."""


def hash_password(password: str, field: str = "password") -> str:
    """Return what is kept of a password: Argon2id with a salt.

    Raises:
        InvalidInput: it is too short or too long; `field` is the name of the input.
    """
    if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS or not is_storable(password):
        raise InvalidInput(
            f"A password has {MIN_CHARACTERS} to {MAX_CHARACTERS} characters.", field=field
        )
    return _ARGON2ID.hash(password)


def is_same_password(password: str, password_hash: str | None) -> bool:
    """Tell whether this is the password; without a hash it takes as long and is not."""
    if len(password) > MAX_CHARACTERS or not is_storable(password):
        return False
    try:
        return _ARGON2ID.verify(password, password_hash or _NOBODYS_HASH)
    except UnknownHashError:  # Somebody has written into the database by hand.
        return False
