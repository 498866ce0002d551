"""Access tokens: JSON Web Tokens that identify a session and expire after 15 minutes."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import jwt

from common.errors import Unauthenticated
from movies_service.accounts.signing_keys import ACCESS_SECONDS

ALGORITHM = "HS256"
"""The only accepted algorithm; the `alg` header of a token is not trusted."""

ISSUER = AUDIENCE = "movies-api"
_REQUIRED = ["exp", "iat", "sub", "iss", "aud", "jti", "sid"]


@dataclass(frozen=True, slots=True)
class Claims:
    """The verified claims of an access token."""

    username: str
    session_id: str


def issue(claims: Claims, token_id: str, key_id: str, secret: bytes, now: dt.datetime) -> str:
    """Return a token that is signed with `secret` and is valid for `ACCESS_SECONDS` from `now`.

    The same arguments give the same token.
    """
    payload = {
        "exp": now + dt.timedelta(seconds=ACCESS_SECONDS),
        "iat": now,
        "sub": claims.username,
        "iss": ISSUER,
        "aud": AUDIENCE,
        "jti": token_id,
        "sid": claims.session_id,
    }
    return jwt.encode(payload, secret, algorithm=ALGORITHM, headers={"kid": key_id})


def read(token: str, accepted: Mapping[str, bytes]) -> Claims:
    """Return the claims of a token that an accepted secret, by key ID, has signed.

    Raises:
        Unauthenticated: the token was not issued here, was modified, or has expired; the message
            does not reveal which.
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
        raise Unauthenticated("This access token is not valid: log in or refresh.") from None
    return Claims(str(payload["sub"]), str(payload["sid"]))
