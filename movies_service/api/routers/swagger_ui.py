"""Swagger UI and its OpenAPI document, served without any file from other hosts."""

import asyncio
from pathlib import Path

import fastapi_offline
import orjson
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from movies_service.api.rendering.conditional_requests import json_response

router = APIRouter(include_in_schema=False)

_FILES = Path(fastapi_offline.__file__).parent / "static"
_FILES_URL = "/docs/files"

PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
"""The page loads files of this service only, and other sites cannot frame it."""

_PAGE = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Movies API</title>
<link rel="stylesheet" href="{_FILES_URL}/swagger-ui.css">
<link rel="icon" href="{_FILES_URL}/favicon.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="{_FILES_URL}/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""

_START = """SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
});
"""


@router.get("/docs")
async def get_docs() -> HTMLResponse:
    """Return the page of Swagger UI."""
    return HTMLResponse(_PAGE, headers=PAGE_HEADERS)


@router.get("/openapi.json")
async def get_openapi(request: Request) -> Response:
    """Return the OpenAPI document.

    A thread renders it, since the first time takes half a second.
    """
    api: FastAPI = request.app
    return json_response(request, await asyncio.to_thread(lambda: orjson.dumps(api.openapi())))


@router.get("/docs/start.js")
async def get_start() -> Response:
    """Return the script that starts Swagger UI.

    It is a file of its own, since inline scripts would require a weaker Content-Security-Policy.
    """
    return Response(_START, media_type="text/javascript")


def mount_files(api: FastAPI) -> None:
    """Mount the static files of Swagger UI."""
    api.mount(_FILES_URL, _FilesWithoutRanges(directory=_FILES), name="docs files")


class _FilesWithoutRanges(StaticFiles):
    """Static files that ignore `Range`: Starlette rejects invalid ranges in plain text."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [header for header in scope["headers"] if header[0] != b"range"]
        await super().__call__({**scope, "headers": headers}, receive, send)
