"""What OMDb's answers mean: each one is a film, or one of the errors of `common.errors`."""

import codecs
import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from common.errors import (
    NotFound,
    UpstreamInvalid,
    UpstreamQuota,
    UpstreamRefused,
    UpstreamUnavailable,
)
from data_fetcher.omdb.movie_mapper import read_movie
from data_layer.entities.movie import MovieFacts

RETRY_AFTER_MAX_SECONDS = 86_400
"""A day: by then the quota is new, and longer waits are asked for by mistake."""

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

_ESCAPE = re.compile(r'\\(["\\/bfnrt]|u[0-9a-fA-F]{4})?')


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came over the wire.

    Args:
        status: of HTTP.
        body: decompressed and whole.
        retry_after: the header of this name, as it is.
        content_type: the media type; OMDb's JSON is understood under any.
    """

    status: int
    body: bytes
    retry_after: str = ""
    content_type: str = ""


def read_answer(answer: Answer) -> MovieFacts:
    """Return the film that is in the answer.

    Raises:
        NotFound: OMDb says that it does not have the film.
        UpstreamRefused: OMDb does not accept our key.
        UpstreamQuota: the requests of the day are spent.
        UpstreamUnavailable: OMDb fails, or somebody else answers in its place.
        UpstreamInvalid: this is not what OMDb's protocol has.
    """
    document = _read_object(answer.body)
    if document is not None and isinstance(message := document.get("Error"), str):
        raise _error_of(message, answer)
    if answer.status != HTTPStatus.OK:
        raise _status_error(answer)
    if document is None:
        raise _body_error(answer)
    if document.get("Response") != "True":
        raise UpstreamInvalid("OMDb's answer is neither a film nor an error.")
    return read_movie(document)


def _read_object(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object that the body is, repaired where OMDb is known to break it.

    Plots hold raw control characters, and backslashes that escape nothing.
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


def _error_of(message: str, answer: Answer) -> Exception:
    if message == _QUOTA:
        return UpstreamQuota(
            "OMDb's requests of the day are spent: try again tomorrow.",
            retry_after_seconds=_retry_after(answer),
        )
    if message in _REFUSED:
        return UpstreamRefused("OMDb does not accept the API key: check OMDB_API_KEY.")
    if message in _NOT_FOUND and answer.status == HTTPStatus.OK:
        return NotFound("OMDb has no such movie.")
    return _status_error(answer)


def _status_error(answer: Answer) -> Exception:
    if answer.status == HTTPStatus.UNAUTHORIZED and not _is_web_page(answer):
        return UpstreamRefused("OMDb does not let us in: check OMDB_API_KEY.")
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST:
        return UpstreamInvalid("OMDb sends us elsewhere, where we do not go: check OMDB_URL.")
    return UpstreamUnavailable(
        "OMDb has trouble at the moment.", retry_after_seconds=_retry_after(answer)
    )


def _body_error(answer: Answer) -> Exception:
    if _is_web_page(answer):
        return UpstreamUnavailable(
            "A web page answers in OMDb's place at the moment.",
            retry_after_seconds=_retry_after(answer),
        )
    return UpstreamInvalid("OMDb answered with something that is not a JSON object.")


def _is_web_page(answer: Answer) -> bool:
    """Tell whether a CDN or a proxy answers in OMDb's place."""
    body = answer.body.removeprefix(codecs.BOM_UTF8).lstrip()
    is_html = answer.content_type == "text/html" and not body.startswith(b"{")
    return is_html or body.startswith(b"<")


def _retry_after(answer: Answer) -> int | None:
    """Return the seconds of Retry-After; dates, which OMDb does not send, are not read."""
    text = answer.retry_after.strip()
    if not text.isascii() or not text.isdigit():
        return None
    digits = text.lstrip("0") or "0"
    # Python refuses to read thousands of digits, and a day is the longest anyway.
    is_long = len(digits) > len(str(RETRY_AFTER_MAX_SECONDS))
    return RETRY_AFTER_MAX_SECONDS if is_long else min(int(digits), RETRY_AFTER_MAX_SECONDS)
