"""Entity tags: computation, and comparison with `If-Match` and `If-None-Match`."""

import re
from collections.abc import Callable

import xxhash

_ETAG = re.compile(r'(?:W/)?("[^"]*")')
_STRONG = re.compile(r'(?<!W/)("[^"]*")')
_ENCODED = re.compile(r'-(?:gzip|br)"$')


def compute_etag(body: bytes) -> str:
    """Return the strong ETag of a body: its XXH3-128 hash, quoted."""
    return f'"{xxhash.xxh3_128_hexdigest(body)}"'


def if_match_predicate(if_match: str | None) -> Callable[[bytes], bool]:
    """Return a predicate that tells whether an `If-Match` header matches a document.

    The ETags of the compressed representations match too. Without the header, and for `*`, every
    document matches.

    Source: RFC 9110, section 13.1.1: weak validators never match.
    """
    if if_match is None or if_match.strip() == "*":
        return lambda _document: True
    etags = {_ENCODED.sub('"', tag) for tag in _STRONG.findall(if_match)}
    return lambda document: compute_etag(document) in etags


def matches_if_none_match(if_none_match: str, etag: str) -> bool:
    """Tell whether an `If-None-Match` header matches this entity tag, by weak comparison.

    Source: RFC 9110, section 13.1.2.
    """
    return if_none_match.strip() == "*" or etag in _ETAG.findall(if_none_match)
