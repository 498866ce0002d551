"""Users, and their sessions."""

import datetime as dt
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from data_layer.entities.scope import Scope
from data_layer.entities.user import USERNAME, User
from movies_service.accounts.caller import Caller
from movies_service.accounts.passwords import MAX_CHARACTERS, MIN_CHARACTERS
from movies_service.accounts.sessions import Tokens
from movies_service.accounts.signing_keys import ACCESS_SECONDS

Password = Annotated[
    str,
    Field(
        min_length=MIN_CHARACTERS,
        max_length=MAX_CHARACTERS,
        json_schema_extra={"format": "password"},
    ),
]
_AnyPassword = Annotated[str, Field(max_length=4096, json_schema_extra={"format": "password"})]
"""What somebody takes for a password."""

_Scopes = Annotated[list[Annotated[Scope, Field(strict=False)]], Field(max_length=len(Scope))]


class SignInIn(BaseModel):
    """Username and password."""

    model_config = ConfigDict(extra="forbid", strict=True)

    username: str = Field(max_length=4096)
    password: _AnyPassword


class RefreshIn(BaseModel):
    """The refresh token of the answer before."""

    model_config = ConfigDict(extra="forbid", strict=True)

    refresh_token: str = Field(max_length=4096)


class PasswordIn(BaseModel):
    """The password, and the one that takes its place."""

    model_config = ConfigDict(extra="forbid", strict=True)

    password: _AnyPassword
    new_password: Password


class TokensOut(BaseModel):
    """What a user gets for signing in."""

    access_token: str = Field(description="Send it as `Authorization: Bearer …`.")
    token_type: str = "bearer"  # noqa: S105 - A name of RFC 6749.
    expires_in: int = Field(default=ACCESS_SECONDS, description="Seconds.")
    refresh_token: str = Field(description="Good once, at `POST /login/refresh`.")

    @classmethod
    def of(cls, tokens: Tokens) -> Self:
        """Return what is sent of new tokens."""
        return cls(access_token=tokens.access, refresh_token=tokens.refresh)


class MeOut(BaseModel):
    """Whose credential this is, and what it may do."""

    caller: str = Field(description="`user:` and a username, or `key:` and the id of an API key.")
    scopes: list[Scope]

    @classmethod
    def of(cls, caller: Caller) -> Self:
        """Return what a caller is told of themselves."""
        return cls(caller=caller.name, scopes=sorted(caller.scopes))


class UserIn(BaseModel):
    """A user to be made."""

    model_config = ConfigDict(extra="forbid", strict=True)

    username: str = Field(pattern=f"^{USERNAME.pattern}$", description="Never given twice.")
    password: Password
    scopes: _Scopes = Field(description="What they may do: no more than who makes them.")


class UserPatchIn(BaseModel):
    """What is to be changed of a user; what is absent stays."""

    model_config = ConfigDict(extra="forbid", strict=True)

    disabled: bool | None = None
    scopes: _Scopes | None = None


class UserOut(BaseModel):
    """A user without the password. Times are in UTC."""

    username: str
    scopes: list[Scope]
    created_at: dt.datetime
    disabled_at: dt.datetime | None
    self_url: str

    @classmethod
    def of(cls, user: User) -> Self:
        """Return what is shown of a user."""
        return cls(
            username=user.username,
            scopes=sorted(user.scopes),
            created_at=user.created_at,
            disabled_at=user.disabled_at,
            self_url=f"/users/{user.username}",
        )


class UsersOut(BaseModel):
    """Every user, by name."""

    users: list[UserOut]
