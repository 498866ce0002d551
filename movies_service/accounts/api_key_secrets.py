"""Secrets of API keys: their format, checksum and hash.

Secret scanners recognise the format; the checksum detects typing errors.

    mvs_0123abcd_<43 characters of a secret><6 characters of a checksum>

The first 12 characters are the prefix. It is not secret and identifies the key.
"""

import hashlib
import re
import secrets
import string
import zlib

BRAND = "mvs_"
"""Start of every key, by which people and scanners recognise a leaked key."""

PREFIX_CHARACTERS = len(BRAND) + 8
"""Length of the prefix, which is stored in plain text as the lookup key."""

ID_PATTERN = "[0-9a-f]{8}"
"""Regular expression of the id of a key, the random part of its prefix, without anchors."""

PATTERN = re.compile(rf"mvs_{ID_PATTERN}_[A-Za-z0-9_-]{{43}}(?:[0-9A-Za-z]{{6}})?")
"""Pattern for secret scanners. Keys issued by version 0.1.0 have no checksum."""

_PREFIX_BYTES, _SECRET_BYTES, _CHECKSUM_CHARACTERS = 4, 32, 6
_CHARACTERS_WITHOUT_CHECKSUM = PREFIX_CHARACTERS + 1 + 43
_DIGITS = string.digits + string.ascii_letters


def new_prefix() -> str:
    """Return a random prefix for a new key."""
    return BRAND + secrets.token_hex(_PREFIX_BYTES)


def new_secret(prefix: str) -> str:
    """Return a new random key with this prefix, including its checksum."""
    body = f"{prefix}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    return body + _checksum(body)


def is_well_formed(secret: str) -> bool:
    """Return whether the text has the format of a key and its checksum, if any, is correct."""
    if not PATTERN.fullmatch(secret):
        return False
    if len(secret) == _CHARACTERS_WITHOUT_CHECKSUM:
        return True
    return _checksum(secret[:-_CHECKSUM_CHARACTERS]) == secret[-_CHECKSUM_CHARACTERS:]


def hash_secret(secret: str) -> bytes:
    """Return the SHA-256 of a secret, which is all that the database stores of it."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def _checksum(body: str) -> str:
    """Return the CRC-32 of the text in base 62, padded to 6 digits."""
    number, characters = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM_CHARACTERS):
        number, digit = divmod(number, len(_DIGITS))
        characters = _DIGITS[digit] + characters
    return characters
