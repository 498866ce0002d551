"""Schemas of users and sessions."""

import datetime as dt
from typing import Annotated, Self

from pydantic import BaseModel, Field
from pydantic.config import JsonDict

from common.invalid_values import pattern_with
from data_layer.entities.scope import Scope
from data_layer.entities.user import USERNAME, User
from movies_service.accounts.caller import Caller
from movies_service.accounts.passwords import MAX_CHARACTERS, MIN_CHARACTERS
from movies_service.accounts.sessions import Tokens
from movies_service.accounts.signing_keys import ACCESS_SECONDS
from movies_service.api.schemas.base import RequestBody, StorableText, examples

Password = Annotated[
    str,
    Field(
        min_length=MIN_CHARACTERS,
        max_length=MAX_CHARACTERS,
        json_schema_extra={"format": "password"},
    ),
]
_EnteredPassword = Annotated[str, Field(max_length=4096, json_schema_extra={"format": "password"})]
"""Password to verify; only new passwords must satisfy the rules of `Password`."""

_REFRESH_TOKEN = "mvr_0123456789abcdef0123456789abcdef_…"  # noqa: S105 - An example.
_USER: JsonDict = {
    "username": "alice",
    "scopes": ["movies:write"],
    "created_at": "2026-11-21T12:00:00Z",
    "disabled_at": None,
    "self_url": "/users/alice",
}

_Scopes = Annotated[list[Annotated[Scope, Field(strict=False)]], Field(max_length=len(Scope))]


class LoginIn(RequestBody):
    """Credentials of a user."""

    model_config = examples({"username": "alice", "password": "correct horse battery"})

    username: StorableText = Field(max_length=4096, description="Regardless of case.")
    password: _EnteredPassword


class RefreshIn(RequestBody):
    """Refresh token to exchange."""

    model_config = examples({"refresh_token": _REFRESH_TOKEN})

    refresh_token: str = Field(
        max_length=4096, description="The latest `refresh_token` of the session."
    )


class PasswordIn(RequestBody):
    """Current and new password."""

    model_config = examples(
        {"password": "correct horse battery", "new_password": "staple gun parade"}
    )

    password: _EnteredPassword = Field(description="The current password.")
    new_password: Password


class TokensOut(BaseModel):
    """Tokens of a session."""

    model_config = examples(
        {
            "access_token": "eyJhbGciOiJIUzI1NiIsImtpZCI6…",
            "token_type": "bearer",
            "expires_in": ACCESS_SECONDS,
            "refresh_token": _REFRESH_TOKEN,
        }
    )

    access_token: str = Field(description="Send it as `Authorization: Bearer …`.")
    token_type: str = "bearer"  # noqa: S105 - A name of RFC 6749.
    expires_in: int = Field(
        default=ACCESS_SECONDS, description="Lifetime of the access token in seconds."
    )
    refresh_token: str = Field(description="Valid once, for `POST /login/refresh`.")

    @classmethod
    def of(cls, tokens: Tokens) -> Self:
        """Return the representation of new tokens."""
        return cls(access_token=tokens.access, refresh_token=tokens.refresh)


class MeOut(BaseModel):
    """Owner of the credential, and its scopes."""

    model_config = examples({"caller": "user:alice", "scopes": ["movies:write"]})

    caller: str = Field(description="`user:` and a username, or `key:` and the id of an API key.")
    scopes: list[Scope]

    @classmethod
    def of(cls, caller: Caller) -> Self:
        """Return the representation of a caller."""
        return cls(caller=caller.name, scopes=sorted(caller.scopes))


class UserIn(RequestBody):
    """User to create."""

    model_config = examples(
        {"username": "alice", "password": "correct horse battery", "scopes": ["movies:write"]}
    )

    username: str = Field(
        pattern=pattern_with("alice", f"^{USERNAME.pattern}$"),
        description="Unique, also among disabled users.",
    )
    password: Password
    scopes: _Scopes = Field(
        description="Permissions of the user; the caller must have each of them."
    )


class UserPatchIn(RequestBody):
    """Changes of a user; absent fields stay unchanged."""

    model_config = examples({"scopes": ["movies:write"]})

    disabled: bool | None = Field(
        default=None, description="`true` disables the user and ends all sessions."
    )
    scopes: _Scopes | None = Field(default=None, description="Replaces all scopes.")


class UserOut(BaseModel):
    """User, without the password. Times are in UTC."""

    model_config = examples(_USER)

    username: str
    scopes: list[Scope]
    created_at: dt.datetime
    disabled_at: dt.datetime | None = Field(description="`null`: the user can log in.")
    self_url: str

    @classmethod
    def of(cls, user: User) -> Self:
        """Return the representation of a user."""
        return cls(
            username=user.username,
            scopes=sorted(user.scopes),
            created_at=user.created_at,
            disabled_at=user.disabled_at,
            self_url=f"/users/{user.username}",
        )


class UsersOut(BaseModel):
    """All users, by name."""

    model_config = examples({"users": [_USER]})

    users: list[UserOut]
