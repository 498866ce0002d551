"""Rate limits of the service, built from its settings."""

from dataclasses import dataclass, field

from common.rates import Rate
from common.settings import Settings
from movies_service.http_semantics.client_address import ClientAddresses
from movies_service.rate_limiting.login_throttle import LoginThrottle
from movies_service.rate_limiting.rate_limiter import RateLimiter
from movies_service.rate_limiting.window_counters import WindowCounters

ALL_PERCENT = 100
DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Rate limits of a client; `None` disables a limit. See the settings of the same names."""

    requests: RateLimiter | None = None
    adds: RateLimiter | None = None
    omdb_share: RateLimiter | None = None
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
        omdb_share=_build_omdb_share(settings, counters),
        logins=None if attempts is None else LoginThrottle(attempts, counters),
        addresses=ClientAddresses(settings.trusted_proxies),
        counters=counters,
    )


def _build_omdb_share(settings: Settings, counters: WindowCounters) -> RateLimiter | None:
    """Return the limiter of the daily OMDb lookups of a client; `None` if there is no quota.

    Processes that do not share counters divide the share, so that all of them together permit it.
    """
    is_emulated = settings.omdb_api_key is None and settings.omdb_api_key_file is None
    percent = settings.omdb_client_share_percent
    if is_emulated or settings.omdb_daily_limit == "off" or percent == ALL_PERCENT:
        return None
    processes = 1 if settings.rate_limit_redis_url else settings.processes
    share = int(settings.omdb_daily_limit) * percent // ALL_PERCENT // processes
    return RateLimiter("omdb-share", Rate(max(1, share), DAY_SECONDS), counters)
