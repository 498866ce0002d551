"""ASGI app that replays recorded responses: the upper limit of a Python server.

It runs on the same HTTP server with the same settings as the service, so that any difference is
the cost of the service.
"""

import base64
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

RESPONSES_VARIABLE = "RAW_ASGI_RESPONSES"
"""Environment variable with the path of the responses file.

The file contains a JSON object with status, headers and base64 body of each path.
"""

Message = dict[str, Any]


def load_responses(file: Path) -> dict[str, tuple[Message, Message]]:
    """Return the ASGI messages of each path."""
    messages = {}
    for path, response in json.loads(file.read_text()).items():
        headers = [(name.encode(), value.encode()) for name, value in response["headers"]]
        messages[path] = (
            {"type": "http.response.start", "status": response["status"], "headers": headers},
            {"type": "http.response.body", "body": base64.b64decode(response["body"])},
        )
    return messages


class RawAsgi:
    """ASGI app that sends the recorded response of the request's path."""

    def __init__(self, responses: dict[str, tuple[Message, Message]]) -> None:
        self._responses = responses

    async def __call__(
        self,
        scope: dict[str, Any],
        _receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Send the recorded response."""
        start, body = self._responses[scope["path"]]
        await send(start)
        await send(body)


def create_app() -> RawAsgi:
    """Return the app; factory for uvicorn."""
    return RawAsgi(load_responses(Path(os.environ[RESPONSES_VARIABLE])))
