"""Limit of the number of query parameters, enforced before parsing."""

from starlette.types import ASGIApp, Receive, Scope, Send

from movies_service.http_semantics.problem_details import problem_response
from movies_service.http_semantics.query_parameters import TOO_MANY, has_too_many


class QueryLimitMiddleware:
    """Middleware that rejects a request with too many query parameters with a 422.

    Args:
        app: the wrapped app.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http" and has_too_many(scope["query_string"]):
            await problem_response(TOO_MANY)(scope, receive, send)
            return
        await self._app(scope, receive, send)
