"""What an operator can set, from the environment and from `.env`.

Only entry points read settings; what they hold is passed down as values.
"""

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self

from dotenv import dotenv_values
from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from common.errors import InvalidSetting

_DATABASE_URL = re.compile(r"sqlite:///.+|(postgresql|mysql|mariadb)://[^/]*/[^/?]+(\?.*)?")

DATABASE_URL_FORMS = (
    "sqlite:/// and the path of a file, or postgresql:// or mysql:// with"
    " user:password@host/database"
)

PREFIX = "MOVIES_"
JWT_SECRET_MIN_BYTES = 32
_RATE = r"^(off|[1-9][0-9]{0,11}/(second|minute|hour|day))$"
_PUBSUB = r"^projects/[^/\s]{{1,100}}/{}/[A-Za-z][A-Za-z0-9._~+%-]{{2,254}}$"
_SOURCE = r"^(dir:.+|(s3|gs|az)://[^/\s?#@]+(/[^\s?#]*)?)$"
_DOTENV = Path(".env")

UPDATES_FOLDER = "updates"
"""Where updates of films are dropped if nobody says where, and the folder is there."""


def is_database_url(value: str) -> bool:
    """Tell whether this names a database of a kind that the catalogue can be kept in."""
    return bool(_DATABASE_URL.fullmatch(value)) and value != "sqlite:///:memory:"


def _read_switch(value: object) -> object:
    """Understand what others write for on and off."""
    words = {"1": "on", "true": "on", "yes": "on", "0": "off", "false": "off", "no": "off"}
    return words.get(value.lower(), value.lower()) if isinstance(value, str) else value


Switch = Annotated[Literal["on", "off"], BeforeValidator(_read_switch)]
IngestSource = Annotated[str, Field(max_length=500, pattern=_SOURCE)]


class Settings(BaseSettings):
    """Every setting, its default and its meaning. Frozen; secrets do not show when printed."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=_DOTENV,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    database_url: Annotated[str, Field(validation_alias="DATABASE_URL", repr=False)] = (
        "sqlite:///movies.db"
    )
    """Where the catalogue is kept: `sqlite:///` and the path of a file, or a server's
    `postgresql://user:password@host/database` or `mysql://…` (MariaDB)."""

    database_pool_size: Annotated[int, Field(ge=1, le=1000)] = 10
    """Connections to a database server that each process keeps for reading, and for writing."""

    database_connect_timeout_seconds: Annotated[int, Field(ge=1, le=300)] = 5
    """How long a process waits for a connection, new or of those that it keeps."""

    database_statement_timeout_seconds: Annotated[int, Field(ge=1, le=3600)] = 5
    """When a database server gives a statement up."""

    database_lock_timeout_seconds: Annotated[int, Field(ge=1, le=300)] = 5
    """How long a write waits for its turn."""

    database_isolation: Literal["read committed", "repeatable read", "serializable"] = (
        "read committed"
    )
    """Isolation of writes on a database server; SQLite's are serializable."""

    omdb_api_key: Annotated[SecretStr | None, Field(validation_alias="OMDB_API_KEY")] = None
    """Key of omdbapi.com. Without one, films come from the bundled OMDb emulator."""

    omdb_api_key_file: Annotated[Path | None, Field(validation_alias="OMDB_API_KEY_FILE")] = None
    """File that holds the key instead, as Docker and Kubernetes mount secrets."""

    omdb_url: Annotated[
        str, Field(validation_alias="OMDB_URL", pattern=r"^https?://[^\s/?#]+[^\s?#]*$")
    ] = "https://www.omdbapi.com/"
    """Where OMDb is reached, when there is a key."""

    omdb_daily_limit: Annotated[
        str, Field(validation_alias="OMDB_DAILY_LIMIT", pattern=r"^(off|[1-9][0-9]{0,8})$")
    ] = "1000"
    """Requests that the key may send in a day of UTC, all processes together, or `off`. Without
    a key there is no limit."""

    omdb_daily_reserve: Annotated[
        int, Field(validation_alias="OMDB_DAILY_RESERVE", ge=0, le=10**9)
    ] = 100
    """How many of them are kept for those who wait for a film."""

    omdb_pace: Annotated[str, Field(validation_alias="OMDB_PACE", pattern=_RATE)] = "off"
    """How many requests each process sends at most: `number/second`, `minute`… or `off`."""

    host: Annotated[str, Field(validation_alias="HOST", min_length=1)] = "127.0.0.1"
    """Address to listen on; `0.0.0.0` for every interface."""

    port: Annotated[int, Field(validation_alias="PORT", ge=0, le=65535)] = 8080
    """Port to listen on; 0 picks a free one."""

    processes: Annotated[int, Field(ge=1, le=64)] = 1
    """How many processes serve, behind one address."""

    seed: Switch = "on"
    """Whether the service seeds a catalogue that never was seeded, when it starts."""

    cors_origins: Annotated[tuple[str, ...], NoDecode] = ("*",)
    """Origins whose pages may call the API, separated by commas; `*` for all."""

    add_requires_key: Switch = "off"
    """Whether adding films needs an API key with the scope `movies:write`; else all may add."""

    add_async: Switch = "off"
    """Whether adding a film never waits for OMDb, as if `Prefer: respond-async` were sent."""

    fetch_engine: Literal["embedded", "workers", "pubsub"] = "embedded"
    """Who fetches what was wished for: `embedded` in the service itself, `workers` that run
    beside it, or those whom Google Pub/Sub tells."""

    ingest_source: IngestSource | None = Field(
        default_factory=lambda: f"dir:{UPDATES_FOLDER}" if Path(UPDATES_FOLDER).is_dir() else None
    )
    """Where updates of films are dropped: `dir:/path`, `s3://bucket/prefix`, `gs://…` or
    `az://…`; else the folder `updates`, if there is one; `off` for nowhere. Workers take them in,
    and so does the worker that the service brings along."""

    ingest_poll_seconds: Annotated[int, Field(ge=1, le=86_400)] = 60
    """How often they look there."""

    ingest_batch_objects: Annotated[int, Field(ge=1, le=10_000)] = 500
    """How many objects share a transaction at most."""

    ingest_invalid: Literal["reject", "delete"] = "reject"
    """What happens to what can't be used: it is put below `rejected/`, with a report beside it, or
    deleted."""

    ingest_max_bytes: Annotated[int, Field(ge=1_000, le=1_073_741_824)] = 67_108_864
    """The largest object that is taken in, also when it is decompressed."""

    fetch_lease_seconds: Annotated[int, Field(ge=5, le=3600)] = 60
    """After how long others take over what somebody has begun to fetch, and not finished."""

    pubsub_topic: Annotated[str | None, Field(pattern=_PUBSUB.format("topics"))] = None
    """Where new wishes are announced: `projects/…/topics/…`."""

    pubsub_subscription: Annotated[str | None, Field(pattern=_PUBSUB.format("subscriptions"))] = (
        None
    )
    """Where workers hear of them: `projects/…/subscriptions/…`."""

    pubsub_push_audience: str | None = None
    """Audience of the tokens of Pub/Sub's push; without one nothing can be pushed."""

    pubsub_push_email: str | None = None
    """Account that signs them: the one that the push subscription is made with."""

    pubsub_certs_url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] = (
        "https://www.googleapis.com/oauth2/v3/certs"
    )
    """Where the keys that sign them are found, as a JSON Web Key Set."""

    key_grace_seconds: Annotated[int, Field(ge=0, le=2_592_000)] = 86_400
    """How long a key that was rotated opens beside the new one."""

    jwt_secret: SecretStr | None = None
    """What access tokens are signed with, at least 32 bytes; else the database keeps something.
    To rotate, put the new one in front of the old one, with a space between them."""

    jwt_secret_file: Path | None = None
    """File that holds it instead."""

    limit_requests: Annotated[str, Field(pattern=_RATE)] = "6000/minute"
    """How many requests one client gets: `number/second`, `minute`, `hour` or `day`, or `off`."""

    limit_adds: Annotated[str, Field(pattern=_RATE)] = "60/minute"
    """How often one client may have OMDb asked; adding what is there costs nothing."""

    limit_logins: Annotated[str, Field(pattern=_RATE)] = "10/minute"
    """How often one client may try a password; `off` also turns off the growing delay."""

    limit_redis_url: SecretStr | None = None
    """Redis that counts for all processes together; else each one counts for itself."""

    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    """Addresses or networks of proxies whose `X-Forwarded-For` is believed, with commas."""

    max_body_bytes: Annotated[int, Field(ge=1)] = 65_536
    """Largest request body that is read; more is a 413."""

    max_head_bytes: Annotated[int, Field(ge=1024, le=1_048_576)] = 16_384
    """Largest path, query and headers together; more is a 431."""

    request_timeout_seconds: Annotated[int, Field(ge=1, le=3600)] = 10
    """How long a request may take to arrive: its head, and then its body; more is a 408."""

    cache: Switch = "on"
    """Whether public answers are kept, ready to be sent."""

    cache_ttl_seconds: Annotated[int, Field(ge=1, le=86_400)] = 60
    """How long an answer holds at most; writes count at once, those of others within a second."""

    cache_stale_seconds: Annotated[int, Field(ge=0, le=604_800)] = 86_400
    """How long beyond that an answer is given while the database is away."""

    cache_max_bytes: Annotated[int, Field(ge=1)] = 67_108_864
    """Bytes of all kept answers together."""

    cache_max_entries: Annotated[int, Field(ge=1)] = 10_000
    """How many answers are kept."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe messages that are logged."""

    log_format: Literal["console", "json"] = "console"
    """`console` for people, `json` for collectors: one object a line."""

    access_log: Switch = "on"
    """Whether each request is logged."""

    @field_validator("ingest_source", mode="before")
    @classmethod
    def _switch_off(cls, value: object) -> object:
        return None if _read_switch(value) == "off" else value

    @field_validator("cors_origins", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("limit_redis_url")
    @classmethod
    def _require_redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not re.fullmatch(r"rediss?://[^/?#]+(/[0-9]*)?", value.get_secret_value()):
            raise ValueError("it must be redis:// with [:password@]host[:port][/database]")
        return value

    @field_validator("database_url")
    @classmethod
    def _require_known_database(cls, value: str) -> str:
        if not is_database_url(value):
            raise ValueError(f"it must be {DATABASE_URL_FORMS}")
        return value

    @model_validator(mode="after")
    def _forbid_two_places(self) -> Self:
        if self.omdb_api_key is not None and self.omdb_api_key_file is not None:
            raise ValueError("set OMDB_API_KEY or OMDB_API_KEY_FILE, not both")
        if self.jwt_secret is not None and self.jwt_secret_file is not None:
            raise ValueError("set MOVIES_JWT_SECRET or MOVIES_JWT_SECRET_FILE, not both")
        if self.fetch_engine == "pubsub" and self.pubsub_topic is None:
            raise ValueError("MOVIES_FETCH_ENGINE=pubsub needs MOVIES_PUBSUB_TOPIC")
        if (self.pubsub_push_audience is None) != (self.pubsub_push_email is None):
            raise ValueError("set MOVIES_PUBSUB_PUSH_AUDIENCE and MOVIES_PUBSUB_PUSH_EMAIL")
        return self

    def find_omdb_key(self) -> str | None:
        """Return the key of OMDb, read from its file if need be, or `None` where there is none.

        Raises:
            InvalidSetting: the file can't be read or holds nothing.
        """
        return _read_secret(self.omdb_api_key, self.omdb_api_key_file, "OMDB_API_KEY_FILE")

    def find_jwt_secrets(self) -> tuple[bytes, ...]:
        """Return what access tokens are signed with, the current one first; or nothing.

        Raises:
            InvalidSetting: the file can't be read or holds nothing, or a secret is too short.
        """
        text = _read_secret(self.jwt_secret, self.jwt_secret_file, "MOVIES_JWT_SECRET_FILE")
        found = tuple(part.encode() for part in (text or "").split())
        if any(len(secret) < JWT_SECRET_MIN_BYTES for secret in found):
            raise InvalidSetting(
                f"MOVIES_JWT_SECRET: each secret needs {JWT_SECRET_MIN_BYTES} bytes at least."
            )
        return found


def _read_secret(value: SecretStr | None, path: Path | None, name: str) -> str | None:
    """Return a secret, read from its file where it has one; `name` is the setting of the file."""
    if path is None:
        return value.get_secret_value() if value else None
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise InvalidSetting(f"{name} can't be read: check its path.") from None
    if not secret:
        raise InvalidSetting(f"{name} names an empty file.")
    return secret


def setting_names() -> tuple[str, ...]:
    """Return the environment's name of every setting, in the order of `Settings`."""
    return tuple(
        str(field.validation_alias or f"{PREFIX}{name}".upper())
        for name, field in Settings.model_fields.items()
    )


def load_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from the process's environment and from `.env` in the working folder.

    Args:
        environment: where unknown names are looked for; the values come from the process.

    Raises:
        InvalidSetting: a name that starts with `MOVIES_` is unknown, or a value is wrong. The
            message is one sentence that names the setting and never its value.
    """
    _refuse_unknown_names([*environment, *dotenv_values(_DOTENV)])
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        reason = first["msg"].removeprefix("Value error, ")
        name = str(first["loc"][0]).upper() if first["loc"] else ""
        known = setting_names()
        name = name if name in known else f"{PREFIX}{name}"
        raise InvalidSetting(
            f"{name}: {reason}." if name in known else f"{reason[:1].upper()}{reason[1:]}."
        ) from None


def _refuse_unknown_names(names: Iterable[str]) -> None:
    known = setting_names()
    for name in names:
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            nearest = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.0)[0]
            raise InvalidSetting(f"{name} is not a setting; the nearest one is {nearest}.")
