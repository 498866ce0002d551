"""Rate limiter: a number of requests per client in each time window.

Tokens are prefetched from the window counters in batches and consumed here, since a cached read
takes less time than a query of the counters.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from common.errors import TooManyRequests
from common.rates import Rate
from movies_service.rate_limiting.window_counters import WindowCounters

_BATCHES_PER_WINDOW = 20
_CLIENTS_MAX = 10_000
"""Clients with a token batch. At the limit all batches are discarded, with their unused tokens."""


@dataclass(slots=True)
class TokenBatch:
    """Prefetched tokens of a client, valid until its window ends."""

    tokens: int
    """Remaining tokens of the batch."""
    window_remaining: int
    """Remaining tokens of the window beyond the batch."""
    expires_at: float
    """End of the window on the limiter's clock."""


@dataclass(slots=True)
class ConnectionTokens:
    """Per-connection handle to the client's token batch; saves a dictionary lookup per request."""

    batch: TokenBatch | None = None


class RateLimiter:
    """Rate limit that applies to each client separately.

    Args:
        name: name of the limit in response headers; its setting is `MOVIES_RATE_LIMIT_` and this
            name, in upper case.
        rate: requests per window of each client.
        counters: window counters, possibly shared with other processes.
        clock: returns monotonic seconds.
    """

    def __init__(
        self,
        name: str,
        rate: Rate,
        counters: WindowCounters,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._setting = f"MOVIES_RATE_LIMIT_{name.upper()}={rate}"
        self._rate = rate
        self._counters = counters
        self._clock = clock
        self._batch_size = max(1, rate.amount // _BATCHES_PER_WINDOW)
        self._batches: dict[str, TokenBatch] = {}
        self.policy = f'"{name}";q={rate.amount};w={rate.seconds}'.encode()
        """Value of the `RateLimit-Policy` header."""
        self._remaining = f'"{name}";r=%d;t=%d'.encode()
        self.header_template = (
            b"%%bx-request-id: %%b\r\nratelimit-policy: %b\r\nratelimit: %b\r\n"
            % (
                self.policy,
                self._remaining,
            )
        )
        """Template of a raw header block: preceding headers, request ID, remaining tokens, and
        seconds until the window ends."""

    def try_consume(self, client: str, now: float) -> TokenBatch | None:
        """Consume a prefetched token; return `None` if none is left, see `consume`.

        Args:
            client: identity of the client.
            now: time on the limiter's clock.
        """
        batch = self._batches.get(client)
        if batch is None or batch.tokens <= 0 or now >= batch.expires_at:
            return None
        batch.tokens -= 1
        return batch

    def headers(self, batch: TokenBatch) -> list[tuple[bytes, bytes]]:
        """Return the rate-limit headers of a response."""
        remaining = self._remaining % (
            batch.tokens + batch.window_remaining,
            batch.expires_at - self._clock(),
        )
        return [(b"ratelimit-policy", self.policy), (b"ratelimit", remaining)]

    async def consume_up_to(self, client: str, amount: int) -> tuple[int, TooManyRequests | None]:
        """Consume at most `amount` tokens, and return their number.

        Returns:
            The number, and the error of the next token if they are fewer than `amount`.
        """
        for consumed in range(amount):
            try:
                await self.consume(client)
            except TooManyRequests as error:
                return consumed, error
        return amount, None

    def give_back(self, client: str, tokens: int) -> None:
        """Return consumed tokens that were not used, unless their window has ended."""
        batch = self._batches.get(client)
        if batch is not None and self._clock() < batch.expires_at:
            batch.tokens += tokens

    async def consume(self, client: str) -> TokenBatch:
        """Consume a token, and prefetch the next batch if necessary.

        Raises:
            TooManyRequests: no token is left in this window.
        """
        if (consumed := self.try_consume(client, self._clock())) is not None:
            return consumed
        size, rate = self._batch_size, self._rate
        state = await self._counters.add(f"{self._name} {client}", rate.seconds, size)
        granted = min(size, rate.amount - (state.count - size))
        if granted <= 0:
            raise TooManyRequests(
                f"Rate limit exceeded ({self._setting}); retry after the time in Retry-After.",
                retry_after_seconds=int(state.seconds_left) + 1,
            )
        if len(self._batches) >= _CLIENTS_MAX:
            self._batches.clear()
        other = self._batches.get(client)  # Another request may have prefetched one.
        if other is not None and self._clock() < other.expires_at:
            granted += max(0, other.tokens)
            other.tokens = 0  # Connections may still hold a reference to it.
        batch = self._batches[client] = TokenBatch(
            tokens=granted - 1,
            window_remaining=max(0, rate.amount - state.count),
            expires_at=self._clock() + state.seconds_left,
        )
        return batch
