"""What an object holds: one JSON object, an array of them, or one on each line; gzip or not."""

import io
import itertools
import zlib
from collections.abc import Iterator

import orjson

from data_layer.entities.ingest import IngestFault

_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS

UPDATES_MAX = 1_000_000
"""Of one object."""
_NESTED_MAX = 2_000_000
_VALUES_MAX = 10_000_000

Item = tuple[int, bytes]
"""Where an update stands, from 1: its line, or its place in an array; and its JSON."""


class Unreadable(Exception):
    """Nothing of an object can be used.

    Args:
        fault: why.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.fault = IngestFault(None, "", message)


def read_items(content: bytes, max_bytes: int) -> Iterator[Item]:
    """Yield the updates of an object, as they stand there; they may be wrong each.

    Args:
        content: of the object.
        max_bytes: that it may have, also when it is decompressed.

    Raises:
        Unreadable: it is empty, too large, or no JSON at all.
    """
    text = _decompressed(content, max_bytes).removeprefix(_BOM)
    start = text.lstrip()[:1]
    if not start:
        raise Unreadable("It is empty: expected JSON.")
    _require_few_parts(text)
    if start == b"[":
        return _items_of_array(text)
    if (one := _one_object(text)) is not None:
        return iter([one])
    return _items_of_lines(text)


def _require_few_parts(text: bytes) -> None:
    """Bound the memory that reading takes: a byte of JSON can become a hundred of objects."""
    if (
        text.count(b"\n") > UPDATES_MAX
        or text.count(b"{") + text.count(b"[") > _NESTED_MAX
        or text.count(b",") > _VALUES_MAX
    ):
        raise Unreadable(f"It has more than {UPDATES_MAX} updates, or too many values: split it.")


def too_large(max_bytes: int) -> str:
    """Return what is wrong with an object that has more bytes than this."""
    return f"It has more than {max_bytes} bytes: split it."


def _decompressed(content: bytes, max_bytes: int) -> bytes:
    if not content.startswith(_GZIP):
        return content
    parts, size = [], 0
    while content:  # A file may hold several streams, one after the other.
        stream = zlib.decompressobj(_GZIP_WINDOW)
        try:
            parts.append(stream.decompress(content, max_bytes + 1 - size))
        except zlib.error:
            raise Unreadable("It is no gzip that can be read.") from None
        size += len(parts[-1])
        if size > max_bytes:
            raise Unreadable(too_large(max_bytes))
        if not stream.eof:
            raise Unreadable("It ends in the middle of its gzip.")
        content = stream.unused_data
    return b"".join(parts)


def _items_of_array(text: bytes) -> Iterator[Item]:
    try:
        items = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"It is no JSON array: {error}.") from None
    return ((place, orjson.dumps(item)) for place, item in enumerate(items, 1))


def _one_object(text: bytes) -> Item | None:
    """Return the one object that this is, if its first line is not one of many."""
    first, _, rest = text.strip().partition(b"\n")
    if not rest or _is_json(first) or not _is_json(text):
        return None
    return 1, text


def _items_of_lines(text: bytes) -> Iterator[Item]:
    first = list(itertools.islice(_lines(text), 2))
    if not any(_is_json(line) for _number, line in first):
        raise Unreadable(f"It is no JSON: {_fault_of(text)}.")
    return _lines(text)


def _lines(text: bytes) -> Iterator[Item]:
    """Yield the lines that are not blank, one by one: there may be very many."""
    for number, line in enumerate(io.BytesIO(text), 1):
        if line.strip():
            yield number, line.rstrip(b"\n")


def _is_json(text: bytes) -> bool:
    return _fault_of(text) is None


def _fault_of(text: bytes) -> orjson.JSONDecodeError | None:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return error
    return None
