"""What an answer depends on: what a request says of it, and what it is kept under."""

import functools
from urllib.parse import parse_qsl, urlencode

from starlette.types import Scope

from movies_service.http_semantics.headers import REVISION_HEADER
from movies_service.middleware.host_header import HOST, SEVERAL
from movies_service.middleware.request_id import RAW_HEADER
from movies_service.response_cache.cached_response import negotiate

_ALIASES_MAX = 10_000

ENCODINGS, IF_NONE_MATCH, ORIGIN, REQUEST_ID, CREDENTIAL, SEEN_REVISION, FOR_HOST = range(7)
"""Places in what `read_wants` gives."""

_RELEVANT = {
    b"accept-encoding": ENCODINGS,
    b"if-none-match": IF_NONE_MATCH,
    b"origin": ORIGIN,
    RAW_HEADER: REQUEST_ID,
    b"authorization": CREDENTIAL,
    b"x-api-key": CREDENTIAL,
    b"cookie": CREDENTIAL,
    REVISION_HEADER.lower().encode(): SEEN_REVISION,
    HOST: FOR_HOST,
}

Wants = list[bytes]
"""The values of the headers that matter, by place; empty where there are none."""

Key = tuple[str, bytes, bytes]
"""What an answer depends on: path, normalised query, Origin."""


def read_wants(scope: Scope) -> Wants:
    """Return what a request says of the answer that it wants."""
    wants = [b"", b"", b"", b"", b"", b"", b""]
    for name, value in scope["headers"]:
        if name in _RELEVANT:
            place = _RELEVANT[name]
            wants[place] = SEVERAL if place == FOR_HOST and wants[FOR_HOST] else value
    return wants


def key_of(scope: Scope, wants: Wants) -> Key:
    """Return what the answer is kept under."""
    query_string = scope["query_string"]
    return scope["path"], query_string and _normalised(query_string), wants[ORIGIN]


@functools.lru_cache(_ALIASES_MAX)
def _normalised(query_string: bytes) -> bytes:
    """Return the query with its parameters in one order and one notation."""
    pairs = parse_qsl(query_string.decode("utf-8", "replace"), keep_blank_values=True)
    return urlencode(sorted(pairs)).encode()


negotiated = functools.lru_cache(_ALIASES_MAX)(negotiate)
"""The encoding that an Accept-Encoding gets."""
