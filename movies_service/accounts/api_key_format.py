"""How an API key is written: so that a leaked one is recognised, and a mistyped one told apart.

    mvs_0123abcd_<43 characters of a secret><6 characters of a checksum>

The first 12 characters are its prefix, which is no secret: it names the key.
"""

import re
import secrets
import string
import zlib

BRAND = "mvs_"
"""What every key starts with, so that people and scanners recognise a leaked one."""

PREFIX_CHARACTERS = len(BRAND) + 8
"""How much of a key is kept in the clear, to find it by."""

PATTERN = re.compile(r"mvs_[0-9a-f]{8}_[A-Za-z0-9_-]{43}(?:[0-9A-Za-z]{6})?")
"""What scanners of secrets look for. Keys of version 0.1.0 have no checksum."""

_PREFIX_BYTES, _SECRET_BYTES, _CHECKSUM_CHARACTERS = 4, 32, 6
_CHARACTERS_WITHOUT_CHECKSUM = PREFIX_CHARACTERS + 1 + 43
_DIGITS = string.digits + string.ascii_letters


def new_prefix() -> str:
    """Return the prefix of a new key."""
    return BRAND + secrets.token_hex(_PREFIX_BYTES)


def new_secret(prefix: str) -> str:
    """Return a whole key with this prefix."""
    body = f"{prefix}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    return body + _checksum(body)


def is_well_formed(secret: str) -> bool:
    """Tell whether this can be a key at all: no character is wrong or missing."""
    if not PATTERN.fullmatch(secret):
        return False
    if len(secret) == _CHARACTERS_WITHOUT_CHECKSUM:
        return True
    return _checksum(secret[:-_CHECKSUM_CHARACTERS]) == secret[-_CHECKSUM_CHARACTERS:]


def _checksum(body: str) -> str:
    """Return CRC-32 in base 62."""
    number, characters = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM_CHARACTERS):
        number, digit = divmod(number, len(_DIGITS))
        characters = _DIGITS[digit] + characters
    return characters
