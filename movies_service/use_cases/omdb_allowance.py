"""OMDb lookups that one caller may cause."""

from dataclasses import dataclass

from common.errors import TooManyRequests
from data_layer.entities.scope import Scope
from movies_service.accounts.caller import Caller
from movies_service.rate_limiting.rate_limiter import RateLimiter


@dataclass(frozen=True, slots=True)
class OmdbAllowance:
    """Limits of the OMDb lookups that one caller causes, now or by a queued fetch.

    Args:
        rate: rate limit of each caller; `None` disables it.
        daily_share: share of the daily quota of each caller without the scope `movies:write`;
            `None` disables it.
    """

    rate: RateLimiter | None = None
    daily_share: RateLimiter | None = None

    async def consume(self, by: Caller, lookups: int = 1) -> None:
        """Count lookups of the caller.

        Raises:
            TooManyRequests: the caller's rate limit is exceeded, or its share is used up.
        """
        if self.rate is not None:
            await _consume(self.rate, by, lookups)
        if self.daily_share is not None and not by.covers(Scope.MOVIES_WRITE):
            try:
                await _consume(self.daily_share, by, lookups)
            except TooManyRequests as error:
                raise TooManyRequests(
                    "This client has used its share of the daily OMDb quota; retry after the time"
                    " in Retry-After, or with a credential that has the scope movies:write.",
                    retry_after_seconds=error.retry_after_seconds,
                ) from None

    def restore_share(self, by: Caller) -> None:
        """Return a lookup that was refused unsent; it still counts towards the rate limit."""
        if self.daily_share is not None:
            self.daily_share.restore(by.client)


UNLIMITED = OmdbAllowance()


async def _consume(limiter: RateLimiter, by: Caller, lookups: int) -> None:
    for _each in range(lookups):
        await limiter.consume(by.client)
