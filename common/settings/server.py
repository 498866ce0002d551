"""Settings of the HTTP server: addresses, limits, the response cache and logs."""

import re
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from common.settings.base import RateText, SettingsGroup, Switch


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


class ServerSettings(SettingsGroup):
    """Address, processes and CORS."""

    host: Annotated[str, Field(validation_alias="HOST", min_length=1)] = "127.0.0.1"
    """Address to listen on; `0.0.0.0` for every IPv4 interface, `::` for every IPv6 interface."""

    port: Annotated[int, Field(validation_alias="PORT", ge=0, le=65535)] = 8080
    """TCP port to listen on, 0 to 65,535; 0 selects a free port."""

    processes: Annotated[int, Field(ge=1, le=64)] = 1
    """Number of server processes that share one address, 1 to 64."""

    cors_origins: Annotated[tuple[str, ...], NoDecode] = ("*",)
    """Origins that CORS allows to call the API, separated by commas; `*` for all."""

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        return _split(value)


class LimitSettings(SettingsGroup):
    """Rate limits, and limits on the size and duration of a request."""

    rate_limit_requests: RateText = "off"
    """Maximum rate of requests for each client, as `number/unit` with the unit `second`, `minute`,
    `hour` or `day`, or `off`; more is a 429. A public host needs one, such as `6000/minute`."""

    rate_limit_adds: RateText = "60/minute"
    """Maximum rate of OMDb lookups caused by one client, or `off`; movies already in the catalogue
    do not count."""

    rate_limit_logins: RateText = "10/minute"
    """Maximum rate of login attempts from one address, or `off`, which also disables the
    exponential delay after failed logins."""

    rate_limit_redis_url: SecretStr | None = None
    """Redis URL, `redis://[:password@]host[:port][/database]` or `rediss://…`, for rate limits
    shared by all processes; if unset, each process counts separately."""

    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    """Addresses or networks of proxies whose `X-Forwarded-For`, or without it `Forwarded`, is
    trusted, separated by commas; if empty, the headers are ignored."""

    max_body_bytes: Annotated[int, Field(ge=1)] = 65_536
    """Maximum size of a request body in bytes, at least 1; more is a 413."""

    max_header_bytes: Annotated[int, Field(ge=1024, le=1_048_576)] = 16_384
    """Maximum size of path, query and headers together in bytes, 1,024 to 1,048,576; more is a
    431."""

    request_timeout_seconds: Annotated[int, Field(ge=1, le=3600)] = 10
    """Seconds within which the header section of a request, and then its body, must arrive, 1 to
    3,600; more is a 408."""

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _split_proxies(cls, value: object) -> object:
        return _split(value)

    @field_validator("rate_limit_redis_url")
    @classmethod
    def _require_redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not re.fullmatch(r"rediss?://[^/?#]+(/[0-9]*)?", value.get_secret_value()):
            raise ValueError("it must be redis:// with [:password@]host[:port][/database]")
        return value


class CacheSettings(SettingsGroup):
    """Lifetime and size of the response cache."""

    cache: Switch = "on"
    """`on`: responses to public GET requests are cached in the memory of each process."""

    cache_ttl_seconds: Annotated[int, Field(ge=1, le=86_400)] = 60
    """Maximum age of a cached response in seconds, 1 to 86,400. A write invalidates the cache of
    its process at once and the caches of other processes within a second."""

    cache_stale_if_error_seconds: Annotated[int, Field(ge=0, le=604_800)] = 86_400
    """Seconds beyond `MOVIES_CACHE_TTL_SECONDS` for which a cached response is still served while
    the database is unavailable, 0 to 604,800 (7 days)."""

    cache_max_bytes: Annotated[int, Field(ge=1)] = 67_108_864
    """Maximum total size of cached responses in bytes for each process, at least 1."""

    cache_max_entries: Annotated[int, Field(ge=1)] = 10_000
    """Maximum number of cached responses for each process, at least 1."""


class LoggingSettings(SettingsGroup):
    """Logs on standard error."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Lowest severity that is logged."""

    log_format: Literal["console", "json"] = "console"
    """`console` for terminals; `json` for log collectors, one object a line."""

    access_log: Switch = "on"
    """`on`: each request that reaches the application is logged; responses from the cache are only
    counted."""
