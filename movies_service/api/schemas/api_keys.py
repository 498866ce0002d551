"""API keys, as programs manage them."""

import datetime as dt
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from data_layer.entities.api_key import NAME_MAX_CHARACTERS, ApiKey
from data_layer.entities.scope import Scope
from movies_service.accounts.api_keys import NewKey
from movies_service.api.schemas.movies import SHOWN_TEXT, require_text

GRACE_MAX_SECONDS = 30 * 86_400

Name = Annotated[
    str,
    Field(min_length=1, max_length=NAME_MAX_CHARACTERS, json_schema_extra=SHOWN_TEXT),
    AfterValidator(require_text),
]


def _require_string(value: object) -> object:
    if value is not None and not isinstance(value, str):
        raise ValueError("it has to be a time as in 2026-12-31T23:59:59Z")
    return value


class ApiKeyIn(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Name = Field(description="What people call it; never given twice.")
    scopes: list[Annotated[Scope, Field(strict=False)]] = Field(
        min_length=1,
        max_length=len(Scope),
        description="What it may do: no more than the key that makes it.",
    )
    expires_at: Annotated[
        AwareDatetime | None, Field(strict=False), BeforeValidator(_require_string)
    ] = Field(default=None, description="When it stops opening anything; else never.")


class RotationIn(BaseModel):
    """How a key is rotated."""

    model_config = ConfigDict(extra="forbid", strict=True)

    grace_seconds: Annotated[int, Field(ge=0, le=GRACE_MAX_SECONDS)] | None = Field(
        default=None, description="How long the old key opens as well; else as the service is set."
    )


class ApiKeyOut(BaseModel):
    """A key without its secret. Times are in UTC."""

    id: str
    prefix: str = Field(description="How the key begins.")
    name: str
    scopes: list[Scope]
    created_at: dt.datetime
    expires_at: dt.datetime | None
    revoked_at: dt.datetime | None
    last_used_at: dt.datetime | None = Field(description="Give or take an hour.")
    self_url: str

    @classmethod
    def of(cls, key: ApiKey) -> Self:
        """Return what is shown of a key."""
        return cls(**_shown(key))


class NewApiKeyOut(ApiKeyOut):
    """A key with its secret, shown this once."""

    key: str = Field(description="Send it as `X-API-Key`.")

    @classmethod
    def of_new(cls, new: NewKey) -> Self:
        """Return what is shown of a key that was just made or rotated."""
        return cls(**_shown(new.key), key=new.secret)


class ApiKeysOut(BaseModel):
    """Every key, oldest first."""

    api_keys: list[ApiKeyOut]


def _shown(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "prefix": key.prefix,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
        "self_url": f"/api-keys/{key.id}",
    }
