"""The limit of requests of each client."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.errors import TooManyRequests
from movies_service.http_semantics.problem_details import problem
from movies_service.rate_limiting.rate_limiter import Allowance, RateLimit
from movies_service.rate_limiting.rate_limits import Limits

_ALLOWANCE, _REFUSAL = "movies.allowance", "movies.refusal"
"""Where the scope of a request holds what came of it."""

_UNLIMITED = ("/health/",)
"""What those ask who keep the service alive."""


class RequestLimit:
    """Refuses requests beyond the limit, and says in every answer what is left.

    Args:
        app: what answers the others.
        limits: of each client.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        limit = self._limits.requests
        if scope["type"] != "http" or limit is None:
            await self._app(scope, receive, send)
            return
        if _ALLOWANCE not in scope:
            send = await admit(scope, send, self._limits, limit)
        if (error := scope.get(_REFUSAL)) is None:
            await self._app(scope, receive, send)
            return
        answer = problem(error)
        answer.headers["RateLimit-Policy"] = limit.policy.decode()
        await answer(scope, receive, send)


async def admit(scope: Scope, send: Send, limits: Limits, limit: RateLimit) -> Send:
    """Spend one request of the client, and return a `send` that says what is left.

    The scope keeps what came of it; `RequestLimit` refuses where nothing was left.

    Source: draft-ietf-httpapi-ratelimit-headers-10.
    """
    if scope["path"].startswith(_UNLIMITED):
        scope[_ALLOWANCE] = None
        return send
    try:
        allowance: Allowance = await limit.take(limits.addresses.of(scope))
    except TooManyRequests as error:
        scope[_ALLOWANCE], scope[_REFUSAL] = None, error
        return send
    scope[_ALLOWANCE] = allowance

    async def send_with_allowance(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message["headers"], *limit.headers(allowance)]
            message = {**message, "headers": headers}
        await send(message)

    return send_with_allowance


def is_refused(scope: Scope) -> bool:
    """Tell whether `admit` has found that nothing was left."""
    return _REFUSAL in scope
