"""Rate limit of each client's requests."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.errors import TooManyRequests
from movies_service.http_semantics.problem_details import problem_response
from movies_service.rate_limiting.rate_limiter import RateLimiter, TokenBatch
from movies_service.rate_limiting.rate_limits import RateLimits

_BATCH, _REFUSAL = "movies.token_batch", "movies.refusal"
"""Scope keys: the token batch of an admitted request, and the error of a rejected one."""

_UNLIMITED = frozenset({"/health/live", "/health/ready"})
"""Paths without a limit: health checks must not fail."""


class RateLimitMiddleware:
    """Middleware that rejects requests above the limit, and adds the rate-limit headers.

    Args:
        app: the wrapped app.
        limits: the rate limits.
        method: the only method that is limited; `None` limits all of them.
    """

    def __init__(self, app: ASGIApp, limits: RateLimits, method: str | None = None) -> None:
        self._app = app
        self._limits = limits
        self._method = method

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        limit = self._limits.requests
        if scope["type"] != "http" or limit is None or self._method not in {None, scope["method"]}:
            await self._app(scope, receive, send)
            return
        if _BATCH not in scope:
            send = await consume(scope, send, self._limits, limit)
        if (error := scope.get(_REFUSAL)) is None:
            await self._app(scope, receive, send)
            return
        response = problem_response(error)
        response.headers["RateLimit-Policy"] = limit.policy.decode()
        await response(scope, receive, send)


async def consume(scope: Scope, send: Send, limits: RateLimits, limit: RateLimiter) -> Send:
    """Consume a token of the client, and return a `send` that adds the rate-limit headers.

    The outcome is stored in the scope; `RateLimitMiddleware` rejects a request without a token.

    Source: draft-ietf-httpapi-ratelimit-headers-10.
    """
    if scope["path"] in _UNLIMITED:
        scope[_BATCH] = None
        return send
    try:
        batch: TokenBatch = await limit.consume(limits.addresses.of(scope))
    except TooManyRequests as error:
        scope[_BATCH], scope[_REFUSAL] = None, error
        return send
    scope[_BATCH] = batch

    async def send_with_allowance(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message["headers"], *limit.headers(batch)]
            message = {**message, "headers": headers}
        await send(message)

    return send_with_allowance


def is_refused(scope: Scope) -> bool:
    """Return whether `consume` found no token for this request."""
    return _REFUSAL in scope
