"""The least that Python can do: an ASGI app that sends answers it was given.

It runs on the same server with the same settings as the service, so that what the service needs
on top of it is the service's own.
"""

import base64
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

ANSWERS_VARIABLE = "RAW_ASGI_ANSWERS"
"""Names the file of the answers: by path, a status, headers and a body in base64."""

Message = dict[str, Any]


def load_answers(file: Path) -> dict[str, tuple[Message, Message]]:
    """Return the messages to send, by path."""
    answers = {}
    for path, answer in json.loads(file.read_text()).items():
        headers = [(name.encode(), value.encode()) for name, value in answer["headers"]]
        answers[path] = (
            {"type": "http.response.start", "status": answer["status"], "headers": headers},
            {"type": "http.response.body", "body": base64.b64decode(answer["body"])},
        )
    return answers


class RawAsgi:
    """Sends the answer that belongs to the path of the request."""

    def __init__(self, answers: dict[str, tuple[Message, Message]]) -> None:
        self._answers = answers

    async def __call__(
        self,
        scope: dict[str, Any],
        _receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Answer one request."""
        start, body = self._answers[scope["path"]]
        await send(start)
        await send(body)


def create_app() -> RawAsgi:
    """Return the app, for a server that is told to call a factory."""
    return RawAsgi(load_answers(Path(os.environ[ANSWERS_VARIABLE])))
