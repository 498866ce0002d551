"""Parser of objects: a JSON object, a JSON array, or NDJSON; plain or gzip."""

import io
import itertools
import zlib
from collections.abc import Iterator

import orjson

from common.unique_names import RepeatedName, require_unique_names
from data_layer.entities.ingest import IngestError

_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS

_PIECE_MIN_BYTES = 128
"""Length of the first piece of a gzip member that is decompressed; it doubles with each piece.

zlib copies what follows a member in its piece: pieces of the whole rest would make many small
members cost the square of their number.
"""

UPDATES_MAX = 1_000_000
"""Maximum number of lines of an object."""
_NESTED_MAX = 2_000_000
"""Maximum number of JSON objects and arrays."""
_VALUES_MAX = 10_000_000
"""Maximum number of commas, as an estimate of the number of values."""

Item = tuple[int, bytes]
"""Line number or array position of an update, from 1, and its JSON."""


class UnreadableObject(Exception):
    """No update of an object can be read.

    Args:
        message: The reason, as a sentence.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.error = IngestError(None, "", message)


def parse_items(text: bytes) -> Iterator[Item]:
    """Return the updates of an object in their order; each may still be invalid JSON.

    Args:
        text: Content of the object, decompressed.

    Raises:
        UnreadableObject: The object is empty, has too many values, or contains no JSON.
    """
    text = text.removeprefix(_BOM)
    start = text.lstrip()[:1]
    if not start:
        raise UnreadableObject("No content: expected JSON.")
    _require_few_parts(text)
    if start == b"[":
        return _items_of_array(text)
    if (item := _multiline_item(text)) is not None:
        return iter([item])
    return _items_of_lines(text)


def _require_few_parts(text: bytes) -> None:
    """Limit the memory of parsing: one byte of JSON can become a hundred bytes of objects.

    Raises:
        UnreadableObject: The text has too many lines, containers or values.
    """
    if (
        text.count(b"\n") > UPDATES_MAX
        or text.count(b"{") + text.count(b"[") > _NESTED_MAX
        or text.count(b",") > _VALUES_MAX
    ):
        raise UnreadableObject(
            f"More than {UPDATES_MAX} updates, or too many values: split the object."
        )


def too_large(max_bytes: int) -> str:
    """Return the error message for an object that exceeds the size limit."""
    return f"Larger than {max_bytes} bytes: split the object."


def decompress(content: bytes, max_bytes: int) -> bytes:
    """Return the content, decompressed if its first bytes are those of gzip. Its cost is linear.

    Args:
        content: Of the object. A gzip file may consist of several members.
        max_bytes: Size limit after decompression.

    Raises:
        UnreadableObject: The content is too large, or no complete gzip file.
    """
    if not content.startswith(_GZIP):
        return content
    text, size, position = io.BytesIO(), 0, 0
    while position < len(content):
        stream = zlib.decompressobj(_GZIP_WINDOW)
        piece_bytes = _PIECE_MIN_BYTES
        while not stream.eof:
            piece = content[position : position + piece_bytes]
            if not piece:
                raise UnreadableObject("Truncated gzip data.")
            try:
                size += text.write(stream.decompress(piece, max_bytes + 1 - size))
            except zlib.error:
                raise UnreadableObject("Invalid gzip data.") from None
            if size > max_bytes:
                raise UnreadableObject(too_large(max_bytes))
            position += len(piece)
            piece_bytes *= 2
        position -= len(stream.unused_data)
    return text.getvalue()


def _items_of_array(text: bytes) -> Iterator[Item]:
    try:
        items = orjson.loads(text)
        require_unique_names(text, items)
    except orjson.JSONDecodeError as error:
        raise UnreadableObject(f"Invalid JSON array: {error}.") from None
    except orjson.JSONEncodeError:  # Its limit is lower than that of the parser.
        raise UnreadableObject("Nested too deeply.") from None
    except RepeatedName:
        raise UnreadableObject("An object of the array contains a name twice.") from None
    return ((position, orjson.dumps(item)) for position, item in enumerate(items, 1))


def _multiline_item(text: bytes) -> Item | None:
    """Return the text as one update if it is a JSON value of several lines; not for NDJSON."""
    first, _, rest = text.strip().partition(b"\n")
    if not rest or _is_json(first) or not _is_json(text):
        return None
    return 1, text


def _items_of_lines(text: bytes) -> Iterator[Item]:
    first_lines = list(itertools.islice(_lines(text), 2))
    if not any(_is_json(line) for _number, line in first_lines):
        raise UnreadableObject(f"Invalid JSON: {_json_error(text)}.")
    return _lines(text)


def _lines(text: bytes) -> Iterator[Item]:
    """Yield the lines that are not blank, lazily: a list of them would need too much memory."""
    for number, line in enumerate(io.BytesIO(text), 1):
        if line.strip():
            yield number, line.rstrip(b"\n")


def _is_json(text: bytes) -> bool:
    return _json_error(text) is None


def _json_error(text: bytes) -> orjson.JSONDecodeError | None:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return error
    return None
