"""Schemas of API keys."""

import datetime as dt
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, Field
from pydantic.config import JsonDict

from data_layer.entities.api_key import NAME_MAX_CHARACTERS, ApiKey
from data_layer.entities.scope import Scope
from movies_service.accounts.api_keys import NewKey
from movies_service.api.schemas.base import RequestBody, examples
from movies_service.api.schemas.movies import SHOWN_TEXT, require_text

GRACE_MAX_SECONDS = 30 * 86_400

_KEY: JsonDict = {
    "id": "0123abcd",
    "prefix": "mvs_0123abcd",
    "name": "nightly import",
    "scopes": ["movies:delete"],
    "created_at": "2026-11-21T12:00:00Z",
    "expires_at": None,
    "revoked_at": None,
    "last_used_at": "2026-11-21T13:00:00Z",
    "self_url": "/api-keys/0123abcd",
}

Name = Annotated[
    str,
    Field(min_length=1, max_length=NAME_MAX_CHARACTERS, json_schema_extra=SHOWN_TEXT),
    AfterValidator(require_text),
]


def _require_string(value: object) -> object:
    if value is not None and not isinstance(value, str):
        raise ValueError("it must be a time such as 2026-12-31T23:59:59Z")
    return value


def _to_utc(value: dt.datetime | None) -> dt.datetime | None:
    try:
        return value and value.astimezone(dt.UTC)
    except OverflowError:
        raise ValueError("in UTC it must be in a year from 1 to 9999") from None


class ApiKeyIn(RequestBody):
    """API key to create."""

    model_config = examples({"name": "nightly import", "scopes": ["movies:delete"]})

    name: Name = Field(description="Name for operators; unique, also among revoked keys.")
    scopes: list[Annotated[Scope, Field(strict=False)]] = Field(
        min_length=1,
        max_length=len(Scope),
        description="Permissions of the key; the caller must have each of them.",
    )
    expires_at: Annotated[
        AwareDatetime | None,
        Field(strict=False),
        BeforeValidator(_require_string),
        AfterValidator(_to_utc),
    ] = Field(
        default=None,
        description="Time of expiry, with a UTC offset; `null` or absent: the key never expires.",
        examples=["2026-12-31T23:59:59Z"],
    )


class RotationIn(RequestBody):
    """Options of a rotation."""

    model_config = examples({"grace_seconds": 3600})

    grace_seconds: Annotated[int, Field(ge=0, le=GRACE_MAX_SECONDS)] | None = Field(
        default=None,
        description=(
            "Seconds for which the previous secret stays valid; 0 revokes it immediately. Default:"
            " MOVIES_API_KEY_GRACE_SECONDS."
        ),
    )


class ApiKeyOut(BaseModel):
    """API key without its secret. Times are in UTC."""

    model_config = examples(_KEY)

    id: str
    prefix: str = Field(description="Beginning of the secret; identifies the key in logs.")
    name: str
    scopes: list[Scope]
    created_at: dt.datetime
    expires_at: dt.datetime | None = Field(description="`null`: the key never expires.")
    revoked_at: dt.datetime | None = Field(description="`null`: the key is not revoked.")
    last_used_at: dt.datetime | None = Field(
        description="Accurate to one hour; `null`: the key was never used."
    )
    self_url: str

    @classmethod
    def of(cls, key: ApiKey) -> Self:
        """Return the representation of a key."""
        return cls(**_fields(key))


class NewApiKeyOut(ApiKeyOut):
    """API key with its secret, which no other response contains."""

    model_config = examples({**_KEY, "last_used_at": None, "key": "mvs_0123abcd_…"})

    key: str = Field(description="The secret; send it as `X-API-Key`.")

    @classmethod
    def of_new(cls, new: NewKey) -> Self:
        """Return the representation of a key that was just created or rotated."""
        return cls(**_fields(new.key), key=new.secret)


class ApiKeysOut(BaseModel):
    """All API keys, oldest first."""

    model_config = examples({"api_keys": [_KEY]})

    api_keys: list[ApiKeyOut]


def _fields(key: ApiKey) -> dict[str, object]:
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
