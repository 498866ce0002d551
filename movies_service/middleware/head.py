"""HEAD support: the response to GET without its body."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from movies_service.http_semantics.scope_flags import as_get


class HeadMiddleware:
    """Middleware that handles HEAD for every path with GET.

    Source: RFC 9110, section 9.3.2: the same header fields as for GET.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        get_scope = as_get(scope)
        await self._app(get_scope, receive, send_without_body)
        scope["route"] = get_scope.get("route")  # The access log counts by it.
