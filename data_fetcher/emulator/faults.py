"""Faults of OMDb and of the connection to it, for injection by name."""

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from typing import Any, cast

from aiohttp import web

EmulatedResponse = dict[str, Any]
"""JSON object of the response without the fault."""

Fault = Callable[
    [web.Request, EmulatedResponse], web.StreamResponse | Awaitable[web.StreamResponse]
]

ELSEWHERE = "http://127.0.0.2:9/"
"""Target of the redirect, where no server listens: a client must not follow it."""

_BOMB_BYTES, _CHUNK_BYTES = 50_000_000, 1_000_000
_DRIP_SECONDS = 0.2
_CDN_PAGE = "<!DOCTYPE html><html><head><title>{status}</title></head><body>Sorry.</body></html>"
_UNICODE = "\U0010ffff e\u0301\u0301\u0301 \u202e \ufdfa \ud83c\udfac \ufffe \u0000 \ud800"
"""Stacked combining marks, a direction override, a ligature, a noncharacter, NUL, a surrogate."""

_OTHER_MOVIE = {"Title": "Another Movie", "imdbID": "tt9999999"}


def _html(status: int) -> Fault:
    page = _CDN_PAGE.format(status=status)
    return lambda _request, _response: web.Response(
        status=status, text=page, content_type="text/html"
    )


def _json(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Fault:
    return lambda _request, _response: web.json_response(body, status=status, headers=headers)


def _error(message: str, status: int = 200) -> Fault:
    return _json({"Response": "False", "Error": message}, status)


def _changed(change: Callable[[EmulatedResponse], object]) -> Fault:
    return lambda _request, response: web.json_response(change(response))


def _text(render: Callable[[EmulatedResponse], str], kind: str = "application/json") -> Fault:
    return lambda _request, response: web.Response(text=render(response), content_type=kind)


def _redirect(to: Callable[[web.Request], str]) -> Fault:
    return lambda request, _response: web.Response(status=302, headers={"Location": to(request)})


def _garbage(_request: web.Request, _response: EmulatedResponse) -> web.StreamResponse:
    return web.Response(body=bytes(range(256)) * 16, content_type="application/json")


def _first_half(response: EmulatedResponse) -> str:
    text = json.dumps(response)
    return text[: len(text) // 2]


def _with_control_characters(response: EmulatedResponse) -> str:
    return json.dumps(response | {"Plot": "PLOT"}).replace("PLOT", "A\tplot\nof two lines\\s.")


def _without_facts(response: EmulatedResponse) -> EmulatedResponse:
    """Return the response with every field unknown but title, IMDb id and type."""
    kept = {"Title", "imdbID", "Type", "Response"}
    return {name: value if name in kept else "N/A" for name, value in response.items()} | {
        "Ratings": []
    }


async def _hang(_request: web.Request, _response: EmulatedResponse) -> web.StreamResponse:
    never: asyncio.Future[web.StreamResponse] = asyncio.get_running_loop().create_future()
    return await never


async def _slow_drip(request: web.Request, _response: EmulatedResponse) -> web.StreamResponse:
    stream = await _start_json(request)
    while True:
        await stream.write(b" ")
        await asyncio.sleep(_DRIP_SECONDS)


async def _huge(request: web.Request, _response: EmulatedResponse) -> web.StreamResponse:
    stream = await _start_json(request)
    while True:
        await stream.write(b" " * _CHUNK_BYTES)


async def _start_json(request: web.Request, **headers: str) -> web.StreamResponse:
    stream = web.StreamResponse(headers={"Content-Type": "application/json", **headers})
    await stream.prepare(request)
    return stream


async def _reset(request: web.Request, response: EmulatedResponse) -> web.StreamResponse:
    cast("asyncio.Transport", request.transport).abort()
    return web.json_response(response)


async def _truncated(request: web.Request, response: EmulatedResponse) -> web.StreamResponse:
    body = json.dumps(response).encode()
    stream = await _start_json(request, **{"Content-Length": str(len(body))})
    await stream.write(body[: len(body) // 2])
    cast("asyncio.Transport", request.transport).close()
    return stream


def _gzip_bomb(_request: web.Request, _response: EmulatedResponse) -> web.StreamResponse:
    body = gzip.compress(b" " * _BOMB_BYTES, compresslevel=9)
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    return web.Response(body=body, headers=headers)


async def _first_byte_late(request: web.Request, _response: EmulatedResponse) -> web.StreamResponse:
    await _start_json(request)
    return await _hang(request, _response)


FAULTS: dict[str, Fault] = {
    "bad-key": _error("Invalid API key!", 401),
    "broken-json": _text(_first_half),
    "control-characters": _text(_with_control_characters),
    "empty-object": _json({}),
    "fields-missing": _changed(lambda movie: {"Title": movie.get("Title"), "Response": "True"}),
    "first-byte-late": _first_byte_late,
    "garbage": _garbage,
    "gzip-bomb": _gzip_bomb,
    "hang": _hang,
    "html-200": _html(200),
    "html-403": _html(403),
    "html-500": _html(500),
    "html-502": _html(502),
    "html-503": _html(503),
    "html-522": _html(522),
    "huge": _huge,
    "not-available": _changed(_without_facts),
    "not-found": _error("Movie not found!"),
    "quota": _error("Request limit reached!", 401),
    "rate-limited": _json({}, 429, {"Retry-After": "1"}),
    "redirect": _redirect(lambda _request: ELSEWHERE),
    "redirect-loop": _redirect(lambda request: str(request.rel_url)),
    "reset": _reset,
    "retry-later": _json({}, 503, {"Retry-After": "1"}),
    "slow-drip": _slow_drip,
    "something-wrong": _error("Something went wrong."),
    "truncated": _truncated,
    "unicode": _changed(lambda movie: movie | {"Plot": _UNICODE, "Actors": f"{_UNICODE}, Zoë"}),
    "wrong-content-type": _text(json.dumps, "text/html"),
    "wrong-movie": _changed(lambda movie: movie | _OTHER_MOVIE),
    "wrong-id": _changed(lambda movie: movie | {"imdbID": "tt0078748"}),
    "wrong-types": _changed(lambda movie: movie | {"Year": 1999, "Genre": ["Drama"]}),
}
"""Faults by their names for `--fault`."""
