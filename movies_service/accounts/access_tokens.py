"""Access tokens: JSON Web Tokens that name a session, for a quarter of an hour."""

import datetime as dt
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

import jwt

from common.errors import Unauthenticated
from movies_service.accounts.signing_keys import ACCESS_SECONDS

ALGORITHM = "HS256"
"""The only one: what a token says of it is not believed."""

ISSUER = AUDIENCE = "movies-api"
_REQUIRED = ["exp", "iat", "sub", "iss", "aud", "jti", "sid"]


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says, once its signature was checked."""

    username: str
    session_id: str


def issue(claims: Claims, key_id: str, secret: bytes, now: dt.datetime) -> str:
    """Return a token, signed with the key of this id."""
    payload = {
        "exp": now + dt.timedelta(seconds=ACCESS_SECONDS),
        "iat": now,
        "sub": claims.username,
        "iss": ISSUER,
        "aud": AUDIENCE,
        "jti": secrets.token_hex(16),
        "sid": claims.session_id,
    }
    return jwt.encode(payload, secret, algorithm=ALGORITHM, headers={"kid": key_id})


def read(token: str, accepted: Mapping[str, bytes]) -> Claims:
    """Return what a token says.

    Args:
        token: as it was sent.
        accepted: secrets, by key id.

    Raises:
        Unauthenticated: it is none of ours, was changed, or has expired: never said which.
    """
    try:
        payload = jwt.decode(
            token,
            accepted[jwt.get_unverified_header(token)["kid"]],
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={"require": _REQUIRED, "enforce_minimum_key_length": True},
        )
    except (jwt.PyJWTError, ValueError, KeyError, TypeError):
        raise Unauthenticated("This access token is not valid: sign in or refresh.") from None
    return Claims(str(payload["sub"]), str(payload["sid"]))
