"""The limit of requests of each client, for all that the cache does not answer."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.errors import TooManyRequests
from movies_service.limits.limits import Limits
from movies_service.limits.rate_limit import Allowance, RateLimit
from movies_service.problems import problem

ALLOWANCE = "movies.allowance"
"""Where the scope of a request holds what the cache has spent for it."""

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
        if limit is None or scope["type"] != "http" or scope["path"].startswith(_UNLIMITED):
            await self._app(scope, receive, send)
            return
        if ALLOWANCE in scope:
            await self._app(scope, receive, send)
            return
        try:
            allowance = await limit.take(self._limits.addresses.of(scope))
        except TooManyRequests as error:
            answer = problem(error)
            answer.headers["RateLimit-Policy"] = limit.policy.decode()
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, with_allowance(send, limit, allowance))


def with_allowance(send: Send, limit: RateLimit, allowance: Allowance) -> Send:
    """Return a `send` that adds what is left to the client.

    Source: draft-ietf-httpapi-ratelimit-headers-10.
    """

    async def send_with_allowance(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message["headers"], *limit.headers(allowance)]
            message = {**message, "headers": headers}
        await send(message)

    return send_with_allowance
