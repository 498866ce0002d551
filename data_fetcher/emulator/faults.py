"""What goes wrong at OMDb and on the way to it, each by name and on demand."""

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from typing import Any, cast

from aiohttp import web

Answer = dict[str, Any]
"""OMDb's object that the request would have been answered with."""

Fault = Callable[[web.Request, Answer], Awaitable[web.StreamResponse]]

ELSEWHERE = "http://127.0.0.2:9/"
"""Another host, where nobody is: a client that goes there is at fault."""

_BOMB_BYTES, _CHUNK_BYTES = 50_000_000, 1_000_000
_DRIP_SECONDS = 0.2
_CDN_PAGE = "<!DOCTYPE html><html><head><title>{status}</title></head><body>Sorry.</body></html>"
_UNICODE = "\U0010ffff e\u0301\u0301\u0301 \u202e \ufdfa \ud83c\udfac \ufffe \u0000 \ud800"
"""Marks upon marks, another direction, long ligatures, no character, NUL, half of a pair."""

_OTHER_FILM = {"Title": "Another Film", "imdbID": "tt9999999"}


def _html(status: int) -> Fault:
    async def fault(_request: web.Request, _answer: Answer) -> web.StreamResponse:
        page = _CDN_PAGE.format(status=status)
        return web.Response(status=status, text=page, content_type="text/html")

    return fault


def _json(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Fault:
    async def fault(_request: web.Request, _answer: Answer) -> web.StreamResponse:
        return web.json_response(body, status=status, headers=headers)

    return fault


def _error(message: str, status: int = 200) -> Fault:
    return _json({"Response": "False", "Error": message}, status)


def _changed(change: Callable[[Answer], object]) -> Fault:
    async def fault(_request: web.Request, answer: Answer) -> web.StreamResponse:
        return web.json_response(change(answer))

    return fault


async def _broken_json(_request: web.Request, answer: Answer) -> web.StreamResponse:
    text = json.dumps(answer)
    return web.Response(text=text[: len(text) // 2], content_type="application/json")


async def _control_characters(_request: web.Request, answer: Answer) -> web.StreamResponse:
    text = json.dumps(answer | {"Plot": "PLOT"}).replace("PLOT", "A\tplot\nof two lines\\s.")
    return web.Response(text=text, content_type="application/json")


async def _garbage(_request: web.Request, _answer: Answer) -> web.StreamResponse:
    return web.Response(body=bytes(range(256)) * 16, content_type="application/json")


def _without_facts(answer: Answer) -> Answer:
    """Return an answer in which nothing is known but what the film is."""
    kept = {"Title", "imdbID", "Type", "Response"}
    return {name: value if name in kept else "N/A" for name, value in answer.items()} | {
        "Ratings": []
    }


async def _wrong_content_type(_request: web.Request, answer: Answer) -> web.StreamResponse:
    return web.Response(text=json.dumps(answer), content_type="text/html")


async def _hang(_request: web.Request, _answer: Answer) -> web.StreamResponse:
    never: asyncio.Future[web.StreamResponse] = asyncio.get_running_loop().create_future()
    return await never


async def _slow_drip(request: web.Request, _answer: Answer) -> web.StreamResponse:
    response = await _begun(request)
    while True:
        await response.write(b" ")
        await asyncio.sleep(_DRIP_SECONDS)


async def _huge(request: web.Request, _answer: Answer) -> web.StreamResponse:
    response = await _begun(request)
    while True:
        await response.write(b" " * _CHUNK_BYTES)


async def _begun(request: web.Request, **headers: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json", **headers})
    await response.prepare(request)
    return response


async def _reset(request: web.Request, answer: Answer) -> web.StreamResponse:
    cast("asyncio.Transport", request.transport).abort()
    return web.json_response(answer)


async def _truncated(request: web.Request, answer: Answer) -> web.StreamResponse:
    body = json.dumps(answer).encode()
    response = await _begun(request, **{"Content-Length": str(len(body))})
    await response.write(body[: len(body) // 2])
    cast("asyncio.Transport", request.transport).close()
    return response


async def _gzip_bomb(_request: web.Request, _answer: Answer) -> web.StreamResponse:
    return web.Response(
        body=gzip.compress(b" " * _BOMB_BYTES, compresslevel=9),
        headers={"Content-Encoding": "gzip", "Content-Type": "application/json"},
    )


async def _first_byte_late(request: web.Request, _answer: Answer) -> web.StreamResponse:
    await _begun(request)
    return await _hang(request, _answer)


def _redirect(to: Callable[[web.Request], str]) -> Fault:
    async def fault(request: web.Request, _answer: Answer) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": to(request)})

    return fault


FAULTS: dict[str, Fault] = {
    "bad-key": _error("Invalid API key!", 401),
    "broken-json": _broken_json,
    "control-characters": _control_characters,
    "empty-object": _json({}),
    "fields-missing": _changed(lambda answer: {"Title": answer.get("Title"), "Response": "True"}),
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
    "unicode": _changed(lambda answer: answer | {"Plot": _UNICODE, "Actors": f"{_UNICODE}, Zoë"}),
    "wrong-content-type": _wrong_content_type,
    "wrong-film": _changed(lambda answer: answer | _OTHER_FILM),
    "wrong-id": _changed(lambda answer: answer | {"imdbID": "tt0078748"}),
    "wrong-types": _changed(lambda answer: answer | {"Year": 1999, "Genre": ["Drama"]}),
}
"""Every fault by the name under which `--fault` takes it."""
