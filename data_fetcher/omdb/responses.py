"""Interpretation of OMDb's responses: a movie, or one of the errors of `common.errors`."""

import codecs
import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from common.errors import (
    NotFound,
    UpstreamBadResponse,
    UpstreamQuotaExceeded,
    UpstreamUnauthorized,
    UpstreamUnavailable,
)
from data_fetcher.omdb.movie_mapper import parse_movie
from data_layer.entities.movie import MovieFacts

RETRY_AFTER_MAX_SECONDS = 86_400
"""Limit for Retry-After: the quota is renewed daily, so a longer wait is a mistake."""

_NOT_FOUND = frozenset(
    {
        "Movie not found!",
        "Series not found!",
        "Episode not found!",
        "Series or season not found!",
        "Series or episode not found!",
        "Game not found!",
        "Incorrect IMDb ID.",
        "Error getting data.",
        "Too many results.",
    }
)
_REFUSED = frozenset({"No API key provided.", "Invalid API key!"})
_QUOTA = "Request limit reached!"
_CORRECT_KEY = "check OMDB_API_KEY, or remove it to use the bundled emulator."

_ESCAPE = re.compile(r'\\(["\\/bfnrt]|u[0-9a-fA-F]{4})?')


@dataclass(frozen=True, slots=True)
class OmdbResponse:
    """HTTP response of OMDb.

    Args:
        body: Complete, decompressed body.
        retry_after: Unparsed Retry-After header; empty if there is none.
        content_type: Media type; JSON is accepted under any.
    """

    status: int
    body: bytes
    retry_after: str = ""
    content_type: str = ""


def parse_response(response: OmdbResponse) -> MovieFacts:
    """Return the movie in the response.

    Raises:
        NotFound: OMDb reports that it does not have the movie.
        UpstreamUnauthorized: OMDb rejected the API key.
        UpstreamQuotaExceeded: OMDb reports that the daily request limit is reached.
        UpstreamUnavailable: OMDb failed, or a CDN or proxy responded in its place.
        UpstreamBadResponse: The response is neither a valid movie nor a known error.
    """
    document = _read_object(response.body)
    if document is not None and isinstance(message := document.get("Error"), str):
        raise _error_of(message, response)
    if response.status != HTTPStatus.OK:
        raise _status_error(response)
    if document is None:
        raise _body_error(response)
    if document.get("Response") != "True":
        raise UpstreamBadResponse("OMDb's response is neither a movie nor an error.")
    return parse_movie(document)


def _read_object(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object in the body, or None if there is none.

    OMDb's plots contain raw control characters and invalid escape sequences, which are repaired.
    """
    try:
        text = body.decode("utf-8-sig")
        try:
            document = json.loads(text, strict=False)
        except json.JSONDecodeError:
            repaired = _ESCAPE.sub(lambda match: match[0] if match[1] else r"\\", text)
            document = json.loads(repaired, strict=False)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _error_of(message: str, response: OmdbResponse) -> Exception:
    if message == _QUOTA:
        return UpstreamQuotaExceeded(
            "OMDb reports that the daily request limit is reached; it is asked again every hour.",
            retry_after_seconds=_retry_after(response),
        )
    if message in _REFUSED:
        return UpstreamUnauthorized(f"OMDb rejected the API key: {_CORRECT_KEY}")
    if message in _NOT_FOUND and response.status == HTTPStatus.OK:
        return NotFound("OMDb has no such movie.")
    return _status_error(response)


def _status_error(response: OmdbResponse) -> Exception:
    if response.status == HTTPStatus.UNAUTHORIZED and not _is_web_page(response):
        return UpstreamUnauthorized(f"OMDb rejected the request (401): {_CORRECT_KEY}")
    if HTTPStatus.MULTIPLE_CHOICES <= response.status < HTTPStatus.BAD_REQUEST:
        return UpstreamBadResponse(
            "OMDb returned a redirect, which is not followed: check OMDB_URL."
        )
    return UpstreamUnavailable(
        "OMDb returned an error; retry later.", retry_after_seconds=_retry_after(response)
    )


def _body_error(response: OmdbResponse) -> Exception:
    if _is_web_page(response):
        return UpstreamUnavailable(
            "OMDb returned HTML instead of JSON (CDN or proxy error page).",
            retry_after_seconds=_retry_after(response),
        )
    return UpstreamBadResponse("OMDb's response is not a JSON object.")


def _is_web_page(response: OmdbResponse) -> bool:
    """Return whether the response is HTML, which only a CDN or a proxy sends."""
    body = response.body.removeprefix(codecs.BOM_UTF8).lstrip()
    is_html = response.content_type == "text/html" and not body.startswith(b"{")
    return is_html or body.startswith(b"<")


def _retry_after(response: OmdbResponse) -> int | None:
    """Return the seconds of Retry-After; None without one, or if it is a date."""
    text = response.retry_after.strip()
    if not text.isascii() or not text.isdigit():
        return None
    digits = text.lstrip("0") or "0"
    # Python raises an error for a number of thousands of digits.
    is_long = len(digits) > len(str(RETRY_AFTER_MAX_SECONDS))
    return RETRY_AFTER_MAX_SECONDS if is_long else min(int(digits), RETRY_AFTER_MAX_SECONDS)
