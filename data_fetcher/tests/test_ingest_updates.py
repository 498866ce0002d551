"""Parser of objects, and validation of updates."""

import datetime as dt
import gzip
import json
import re
import zlib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner

from data_fetcher.cli.app import app
from data_fetcher.ingest import object_reader
from data_fetcher.ingest.movie_update import MovieUpdate, parse_update
from data_fetcher.ingest.object_reader import UnreadableObject, decompress, parse_items
from data_layer.entities.ingest import IngestError
from data_layer.entities.movie import MovieFacts, Rating

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
MAX_BYTES = 10_000


def items(content: bytes, max_bytes: int = MAX_BYTES) -> list[tuple[int, bytes]]:
    return list(parse_items(decompress(content, max_bytes)))


def update(**fields: object) -> MovieUpdate | IngestError:
    return parse_update(json.dumps(fields).encode(), 3, NOW)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b'{"a":1}', [(1, b'{"a":1}')]),
        (b'\xef\xbb\xbf{"a":1}', [(1, b'{"a":1}')]),
        (b'{\n "a": 1\n}\n', [(1, b'{\n "a": 1\n}\n')]),
        (b'{"a":1}\n\n{"b":2}\n', [(1, b'{"a":1}'), (3, b'{"b":2}')]),
        (b'{"a":1}\r\n{"b"', [(1, b'{"a":1}\r'), (2, b'{"b"')]),
        (b'nonsense\n{"b":2}', [(1, b"nonsense"), (2, b'{"b":2}')]),
        (b'[{"a": 1}, 2]', [(1, b'{"a":1}'), (2, b"2")]),
        (b" []", []),
        (gzip.compress(b'{"a":1}', mtime=0), [(1, b'{"a":1}')]),
        (gzip.compress(b'{"a":', mtime=0) + gzip.compress(b"1}", mtime=0), [(1, b'{"a":1}')]),
    ],
)
def test_parses_json_arrays_and_ndjson(content: bytes, found: list[tuple[int, bytes]]) -> None:
    assert items(content) == found


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "No content: expected JSON."),
        (b" \n ", "No content: expected JSON."),
        (b'[{"a": 1},', "Invalid JSON array: "),
        (b'{\n "a": 1,\n', "Invalid JSON: "),
        (b"\x1f\x8bnonsense", "Invalid gzip data."),
        (gzip.compress(b'{"a":1}', mtime=0)[:-9], "Truncated gzip data."),
        (
            gzip.compress(bytes(MAX_BYTES + 1), mtime=0),
            "Larger than 10000 bytes: split the object.",
        ),
        (b"{}\n" * 1_001, "More than 1000 updates, or too many values: split the object."),
        (b"[" + b"{}," * 2_001 + b"{}]", "More than 1000 updates, or too many values"),
        (b'{"a":[' + b"1," * 3_001 + b"1]}", "More than 1000 updates, or too many values"),
        (
            gzip.compress(bytes(MAX_BYTES), mtime=0) + gzip.compress(bytes(1), mtime=0),
            "Larger than 10000 bytes: split the object.",
        ),
    ],
)
def test_rejects_unreadable_objects_with_a_reason(
    content: bytes, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"UPDATES_MAX": 1_000, "_NESTED_MAX": 2_000, "_VALUES_MAX": 3_000}.items():
        monkeypatch.setattr(object_reader, name, value)
    with pytest.raises(UnreadableObject) as caught:
        items(content)
    assert caught.value.error.message.startswith(reason)


def test_does_not_decompress_beyond_the_size_limit() -> None:
    bomb = gzip.compress(bytes(50_000_000), mtime=0)
    with pytest.raises(UnreadableObject, match="Larger than 1000 bytes"):
        items(bomb, 1_000)


def test_an_update_contains_only_the_given_fields() -> None:
    parsed = update(
        title="Alien",
        year=1979,
        released="1979-05-25",
        cast=["Sigourney Weaver"],
        genres=[],
        ratings=[{"source": "Metacritic", "value": "89/100"}],
        plot=None,
        type=None,
        writers=None,
        id=7,
        self_url="/movies/7",
    )
    assert isinstance(parsed, MovieUpdate)
    assert parsed.values == {
        "title": "Alien",
        "year": 1979,
        "released": dt.date(1979, 5, 25),
        "cast": ("Sigourney Weaver",),
        "genres": (),
        "ratings": (Rating("Metacritic", "89/100"),),
        "plot": None,
        "type": "movie",
        "writers": (),
    }
    assert (parsed.updated_at, parsed.is_deleted, parsed.imdb_id) == (None, False, None)
    assert parsed.title == ("alien", 1979)
    assert parsed.to_facts() == MovieFacts(
        title="Alien",
        year=1979,
        released=dt.date(1979, 5, 25),
        cast=("Sigourney Weaver",),
        ratings=(Rating("Metacritic", "89/100"),),
    )


def test_parses_the_time_and_the_deletion_of_an_update() -> None:
    parsed = update(imdb_id="tt0078748", updated_at="2026-11-21T13:00:00+02:00", deleted=True)
    assert parsed == MovieUpdate(
        {"imdb_id": "tt0078748"}, dt.datetime(2026, 11, 21, 11, tzinfo=dt.UTC), is_deleted=True
    )


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"year": 1979}, "title", "An update requires `imdb_id` or `title`."),
        ({"title": 5}, "title", "Input should be a valid string."),
        ({"title": None}, "title", "Input should be a valid string."),
        ({"title": "  "}, "title", "must not be blank or contain NUL."),
        ({"title": "A", "year": "1979"}, "year", "Input should be a valid integer."),
        ({"title": "A", "cast": ["B", 5]}, "cast.1", "Input should be a valid string."),
        ({"title": "A", "actors": []}, "actors", "Extra inputs are not permitted."),
        (
            {"title": "A", "ratings": [{"source": "B"}]},
            "ratings.0.value",
            "Field required.",
        ),
        (
            {"title": "A", "updated_at": "2026-11-21T12:00:00"},
            "updated_at",
            "Input should have timezone info.",
        ),
        (
            {"title": "A", "updated_at": "2026-11-22T12:00:01Z"},
            "updated_at",
            "Must be between 1970-01-01 and one day from now.",
        ),
        (
            {"title": "A", "updated_at": "0001-01-01T00:00:00+01:00"},
            "updated_at",
            "Must be between 1970-01-01 and one day from now.",
        ),
        ({"title": "A", "b" * 300: 1}, "b" * 200, "Extra inputs are not permitted."),
        (
            {"title": "A", "plot": "\U0001f600" * 17_000},
            "plot",
            "must have at most 65535 bytes in UTF-8.",
        ),
    ],
)
def test_reports_the_field_and_the_reason_of_an_invalid_update(
    fields: dict[str, object], field: str, message: str
) -> None:
    assert update(**fields) == IngestError(3, field, message)


def test_rejects_json_that_is_not_an_object() -> None:
    not_json = parse_update(b"{nonsense", 2, NOW)
    assert isinstance(not_json, IngestError)
    assert (not_json.line, not_json.field) == (2, "")
    assert "at column 2" in not_json.message
    number = parse_update(b"5", 1, NOW)
    assert isinstance(number, IngestError)
    assert number.message == "Input should be an object."


DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = json.loads((DOCS / "update.schema.json").read_text(encoding="utf-8"))


def test_the_documented_schema_is_up_to_date() -> None:
    done = CliRunner().invoke(app, ["update-schema"])
    documented = (DOCS / "update.schema.json").read_text(encoding="utf-8")
    assert done.stdout == documented, "Run `make openapi`."
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "fields",
    [
        {"title": "Alien"},
        {"imdb_id": "tt0078748", "deleted": True},
        {"title": "Alien", "year": None, "cast": [], "updated_at": "2026-11-21T12:00:00Z"},
        {"title": "Alien", "ratings": [{"source": "Metacritic", "value": "89/100"}]},
        {"title": "Alien", "released": "1979-05-25", "imdb_rating": 8.5},
        {"year": 1979},
        {"title": 5},
        {"title": None},
        {"title": "Alien", "year": "1979"},
        {"title": "Alien", "actors": []},
        {"title": "Alien", "type": "movie"},
        {"title": "Alien", "imdb_rating": 11},
        {"title": "Alien", "ratings": [{"source": "Metacritic"}]},
        {"imdb_id": "78748"},
    ],
)
def test_the_schema_accepts_the_same_updates_as_the_parser(fields: dict[str, object]) -> None:
    is_accepted = isinstance(update(**fields), MovieUpdate)
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid(fields) is is_accepted


def test_accepts_the_documented_examples() -> None:
    page = (DOCS / "reference" / "updates.md").read_text(encoding="utf-8")
    examples = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    updates = [text for text in examples if '"errors"' not in text]
    assert len(updates) >= 1
    for text in updates:
        assert isinstance(parse_update(text.encode(), 1, NOW), MovieUpdate)


class CountingStream:
    """Decompressor that adds the lengths of what it is given to a total."""

    total = 0

    def __init__(self, stream: Any) -> None:  # noqa: ANN401 - The class has no public name.
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def decompress(self, piece: bytes, max_bytes: int) -> bytes:
        CountingStream.total += len(piece)
        text: bytes = self._stream.decompress(piece, max_bytes)
        return text


def test_the_cost_of_many_gzip_members_is_linear(monkeypatch: pytest.MonkeyPatch) -> None:
    content = gzip.compress(b"") * 2_000 + gzip.compress(b'{"title": "Alien"}')
    new_stream = zlib.decompressobj
    with monkeypatch.context() as patched:
        patched.setattr(zlib, "decompressobj", lambda wbits: CountingStream(new_stream(wbits)))
        assert decompress(content, 18) == b'{"title": "Alien"}'
    assert CountingStream.total < 10 * len(content)


@pytest.mark.parametrize(
    "text",
    [
        b'{"title": "Alien", "year": 1979, "year": 1980}',
        b'{"title": "Alien", "imdb_rating": NaN, "imdb_rating": 8}',
        b'{"title": "Alien", "ratings": [{"source": "a", "value": "b", "value": "c"}]}',
    ],
)
def test_rejects_an_update_that_contains_a_name_twice(text: bytes) -> None:
    assert parse_update(text, 3, NOW) == IngestError(3, "", "An object contains a name twice.")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'[{"title": "Alien"}, {"title": "A", "title": "B"}]', "contains a name twice"),
        (b'["\\u003a",' + b"[" * 1_000 + b"]" * 1_000 + b"]", "Nested too deeply"),
    ],
)
def test_rejects_an_array_with_an_ambiguous_object(content: bytes, message: str) -> None:
    with pytest.raises(UnreadableObject, match=message):
        items(content)
