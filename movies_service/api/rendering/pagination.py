"""Pages of lists: URLs of older pages, and cursors bound to filters and order by a checksum."""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Any, Protocol
from urllib.parse import urlencode

import orjson

from common.errors import InvalidInput
from common.text import is_storable
from data_layer.entities.movie_query import MovieFilter, MovieSort, SortPosition
from movies_service.use_cases.movie_reference import ID_MAX

_CHECKSUM_BYTES = 8
_SHAPES: dict[str, tuple[type, ...]] = {
    "title": (str, int, int),
    "year": (int, str, int),
    "id": (int,),
}


class Identified(Protocol):
    """Item of a list that is ordered by id."""

    @property
    def id(self) -> int:
        """Id of the item."""
        ...


def older_page_url(path: str, parameters: dict[str, Any], page: Sequence[Identified]) -> str | None:
    """Return the URL of the page of older items, with all filters; `None` after the last page."""
    if len(page) < parameters["limit"]:
        return None
    return f"{path}?{urlencode(parameters | {'before': page[-1].id})}"


def write_cursor(filters: MovieFilter, sort: MovieSort, position: SortPosition) -> str:
    """Return `position` as an opaque text that needs no escaping in a URL."""
    payload = orjson.dumps(position)
    return (
        base64.urlsafe_b64encode(_checksum(filters, sort, payload) + payload).decode().rstrip("=")
    )


def read_cursor(text: str, filters: MovieFilter, sort: MovieSort) -> SortPosition:
    """Return the position that `write_cursor` encoded.

    Raises:
        InvalidInput: the cursor was altered, or belongs to other filters or another order.
    """
    invalid = InvalidInput(
        "This cursor does not belong to this list: follow next_url unchanged.", field="query.cursor"
    )
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        position = tuple(orjson.loads(decoded[_CHECKSUM_BYTES:]))
    except (binascii.Error, ValueError, TypeError):
        raise invalid from None
    if not _has_shape(position, sort) or text != write_cursor(filters, sort, position):
        raise invalid
    return position


def _checksum(filters: MovieFilter, sort: MovieSort, payload: bytes) -> bytes:
    list_identity = orjson.dumps([filters, sort])
    return hashlib.blake2b(list_identity + payload, digest_size=_CHECKSUM_BYTES).digest()


def _has_shape(position: SortPosition, sort: MovieSort) -> bool:
    return tuple(map(type, position)) == _SHAPES[sort.field] and all(
        is_storable(value) if isinstance(value, str) else 0 <= value <= ID_MAX for value in position
    )
