"""OMDb lookups that one caller may cause."""

from dataclasses import dataclass

from common.errors import TooManyRequests
from data_layer.entities.scope import Scope
from movies_service.accounts.caller import Caller
from movies_service.rate_limiting.rate_limiter import RateLimiter

_SHARE_USED_UP = (
    "This client has used its share of the daily OMDb quota (OMDB_CLIENT_SHARE_PERCENT);"
    " retry after the time in Retry-After, or with a credential that has the scope movies:write."
)


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

    async def consume(self, by: Caller) -> None:
        """Count a lookup of the caller.

        Raises:
            TooManyRequests: the caller's rate limit is exceeded, or its share is used up.
        """
        _consumed, refusal = await self.consume_up_to(by, 1)
        if refusal is not None:
            raise refusal

    async def consume_up_to(self, by: Caller, lookups: int) -> tuple[int, TooManyRequests | None]:
        """Count at most `lookups` lookups of the caller.

        Returns:
            Their number, and the error of the next one if they are fewer than `lookups`.
        """
        admitted, refusal = lookups, None
        if self.rate is not None:
            admitted, refusal = await self.rate.consume_up_to(by.client, lookups)
        if (daily_share := self._find_share(by)) is None:
            return admitted, refusal
        shared, used_up = await daily_share.consume_up_to(by.client, admitted)
        if used_up is None:
            return admitted, refusal
        if self.rate is not None:
            self.rate.give_back(by.client, admitted - shared)
        return shared, TooManyRequests(
            _SHARE_USED_UP, retry_after_seconds=used_up.retry_after_seconds
        )

    def give_back(self, by: Caller, lookups: int) -> None:
        """Return counted lookups that were not made."""
        if self.rate is not None:
            self.rate.give_back(by.client, lookups)
        self.give_back_share(by, lookups)

    def give_back_share(self, by: Caller, lookups: int = 1) -> None:
        """Return lookups that were refused unsent; they still count towards the rate limit."""
        if (daily_share := self._find_share(by)) is not None:
            daily_share.give_back(by.client, lookups)

    def _find_share(self, by: Caller) -> RateLimiter | None:
        """Return the daily share that applies to the caller, or `None`."""
        return None if by.covers(Scope.MOVIES_WRITE) else self.daily_share


UNLIMITED = OmdbAllowance()
