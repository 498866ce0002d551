"""The limits of one service, together."""

from dataclasses import dataclass, field

from common.settings import Settings
from movies_service.http_semantics.client_address import ClientAddresses
from movies_service.rate_limiting.login_throttle import LoginThrottle
from movies_service.rate_limiting.rate_limiter import Rate, RateLimit
from movies_service.rate_limiting.window_counters import Windows


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client gets; `None` where there is no limit. See the settings of the same names."""

    requests: RateLimit | None = None
    adds: RateLimit | None = None
    logins: LoginThrottle | None = None
    addresses: ClientAddresses = field(default_factory=ClientAddresses)
    """By which clients are told apart."""
    windows: Windows = field(default_factory=Windows)
    """Where is counted."""


NO_LIMITS = Limits()


def build_limits(settings: Settings) -> Limits:
    """Return the limits that an operator has set."""
    redis_url = settings.limit_redis_url
    windows = Windows(redis_url.get_secret_value() if redis_url else None)

    def limit(name: str, text: str) -> RateLimit | None:
        rate = Rate.parse(text)
        return None if rate is None else RateLimit(name, rate, windows)

    attempts = limit("logins", settings.limit_logins)
    return Limits(
        requests=limit("requests", settings.limit_requests),
        adds=limit("adds", settings.limit_adds),
        logins=None if attempts is None else LoginThrottle(attempts, windows),
        addresses=ClientAddresses(settings.trusted_proxies),
        windows=windows,
    )
