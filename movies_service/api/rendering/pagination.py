"""Cursors: positions in a list, written so that they can't be used for another one."""

import base64
import binascii
import hashlib

import orjson

from common.errors import InvalidInput
from common.text import is_storable
from data_layer.entities.movie_query import MovieFilter, MovieSort, Position
from movies_service.use_cases.movie_reference import ID_MAX

_CHECKSUM_BYTES = 8
_SHAPES: dict[str, tuple[type, ...]] = {
    "title": (str, int, int),
    "year": (int, str, int),
    "id": (int,),
}


def write_cursor(wanted: MovieFilter, sort: MovieSort, position: Position) -> str:
    """Return `position` as an opaque text that goes into a URL as it is."""
    payload = orjson.dumps(position)
    return base64.urlsafe_b64encode(_checksum(wanted, sort, payload) + payload).decode().rstrip("=")


def read_cursor(text: str, wanted: MovieFilter, sort: MovieSort) -> Position:
    """Return the position that `write_cursor` has written.

    Raises:
        InvalidInput: the cursor was changed, or belongs to other filters or another order.
    """
    invalid = InvalidInput(
        "This cursor does not belong to this list: follow next_url as it is.", field="query.cursor"
    )
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        position = tuple(orjson.loads(decoded[_CHECKSUM_BYTES:]))
    except (binascii.Error, ValueError, TypeError):
        raise invalid from None
    if not _has_shape(position, sort) or text != write_cursor(wanted, sort, position):
        raise invalid
    return position


def _checksum(wanted: MovieFilter, sort: MovieSort, payload: bytes) -> bytes:
    belongs_to = orjson.dumps([wanted, sort])
    return hashlib.blake2b(belongs_to + payload, digest_size=_CHECKSUM_BYTES).digest()


def _has_shape(position: Position, sort: MovieSort) -> bool:
    return tuple(map(type, position)) == _SHAPES[sort.field] and all(
        is_storable(value) if isinstance(value, str) else 0 <= value <= ID_MAX for value in position
    )
