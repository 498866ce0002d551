"""Answers that a client may keep: with a strong ETag, and 304 where it has them already."""

import re
from collections.abc import Callable

import xxhash
from fastapi import Request, Response

CACHE_CONTROL = "public, max-age=0, must-revalidate"
"""Anybody may keep an answer, and asks whether it still holds before using it."""

_ETAG = re.compile(r'(?:W/)?("[^"]*")')
_STRONG = re.compile(r'(?<!W/)("[^"]*")')
_ENCODED = re.compile(r'-(?:gzip|br)"$')


def etag_of(body: bytes) -> str:
    """Return the strong validator of an answer: a hash of its bytes, for no secret purpose."""
    return f'"{xxhash.xxh3_128_hexdigest(body)}"'


def answer_json(request: Request, body: bytes, headers: dict[str, str] | None = None) -> Response:
    """Return the JSON `body` as a 200, or a 304 without it.

    Source: RFC 9110, sections 8.8 (validators) and 13.1.2 (If-None-Match).
    """
    etag = etag_of(body)
    all_headers = {"ETag": etag, "Cache-Control": CACHE_CONTROL, **(headers or {})}
    if _has_current(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=all_headers)
    return Response(body, media_type="application/json", headers=all_headers)


def is_named_by(if_match: str | None) -> Callable[[bytes], bool]:
    """Return whether an If-Match names a document, in whatever encoding it was sent.

    Source: RFC 9110, section 13.1.1: weak validators name nothing.
    """
    if if_match is None or if_match.strip() == "*":
        return lambda _document: True
    named = {_ENCODED.sub('"', tag) for tag in _STRONG.findall(if_match)}
    return lambda document: etag_of(document) in named


def _has_current(if_none_match: str, etag: str) -> bool:
    return if_none_match.strip() == "*" or etag in _ETAG.findall(if_none_match)
