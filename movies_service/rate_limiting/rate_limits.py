"""Rate limits of the service, built from its settings."""

from dataclasses import dataclass, field

from common.rates import Rate
from common.settings import Settings
from movies_service.http_semantics.client_address import ClientAddresses
from movies_service.rate_limiting.login_throttle import LoginThrottle
from movies_service.rate_limiting.rate_limiter import RateLimiter
from movies_service.rate_limiting.window_counters import WindowCounters


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Rate limits of a client; `None` disables a limit. See the settings of the same names."""

    requests: RateLimiter | None = None
    adds: RateLimiter | None = None
    logins: LoginThrottle | None = None
    addresses: ClientAddresses = field(default_factory=ClientAddresses)
    """Determines the address that identifies a client."""
    counters: WindowCounters = field(default_factory=WindowCounters)
    """Counters of all limits."""


NO_LIMITS = RateLimits()


def build_limits(settings: Settings) -> RateLimits:
    """Return the rate limits of the settings."""
    redis_url = settings.rate_limit_redis_url
    counters = WindowCounters(redis_url.get_secret_value() if redis_url else None)

    def limit(name: str, text: str) -> RateLimiter | None:
        rate = Rate.parse(text)
        return None if rate is None else RateLimiter(name, rate, counters)

    attempts = limit("logins", settings.rate_limit_logins)
    return RateLimits(
        requests=limit("requests", settings.rate_limit_requests),
        adds=limit("adds", settings.rate_limit_adds),
        logins=None if attempts is None else LoginThrottle(attempts, counters),
        addresses=ClientAddresses(settings.trusted_proxies),
        counters=counters,
    )
