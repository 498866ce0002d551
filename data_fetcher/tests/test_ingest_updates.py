"""What an object holds, and what an update says."""

import datetime as dt
import gzip
import json
import re
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from data_fetcher.cli.app import app
from data_fetcher.ingest import object_reader as contents
from data_fetcher.ingest.movie_update import MovieUpdate, read_update
from data_fetcher.ingest.object_reader import Unreadable, read_items
from data_layer.entities.ingest import IngestFault
from data_layer.entities.movie import MovieFacts, Rating

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
MAX_BYTES = 10_000


def items(content: bytes, max_bytes: int = MAX_BYTES) -> list[tuple[int, bytes]]:
    return list(read_items(content, max_bytes))


def update(**fields: object) -> MovieUpdate | IngestFault:
    return read_update(json.dumps(fields).encode(), 3, NOW)


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
def test_objects_hold_updates_in_several_forms(
    content: bytes, found: list[tuple[int, bytes]]
) -> None:
    assert items(content) == found


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "It is empty: expected JSON."),
        (b" \n ", "It is empty: expected JSON."),
        (b'[{"a": 1},', "It is no JSON array: "),
        (b'{\n "a": 1,\n', "It is no JSON: "),
        (b"\x1f\x8bnonsense", "It is no gzip that can be read."),
        (gzip.compress(b'{"a":1}', mtime=0)[:-9], "It ends in the middle of its gzip."),
        (gzip.compress(bytes(MAX_BYTES + 1), mtime=0), "It has more than 10000 bytes: split it."),
        (b"{}\n" * 1_001, "It has more than 1000 updates, or too many values: split it."),
        (b"[" + b"{}," * 2_001 + b"{}]", "It has more than 1000 updates, or too many values"),
        (b'{"a":[' + b"1," * 3_001 + b"1]}", "It has more than 1000 updates, or too many values"),
        (
            gzip.compress(bytes(MAX_BYTES), mtime=0) + gzip.compress(bytes(1), mtime=0),
            "It has more than 10000 bytes: split it.",
        ),
    ],
)
def test_objects_that_hold_nothing_are_told_why(
    content: bytes, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"UPDATES_MAX": 1_000, "_NESTED_MAX": 2_000, "_VALUES_MAX": 3_000}.items():
        monkeypatch.setattr(contents, name, value)
    with pytest.raises(Unreadable) as caught:
        items(content)
    assert caught.value.fault.message.startswith(reason)


def test_a_bomb_is_not_inflated_beyond_the_bound() -> None:
    bomb = gzip.compress(bytes(50_000_000), mtime=0)
    with pytest.raises(Unreadable, match="more than 1000 bytes"):
        items(bomb, 1_000)


def test_an_update_has_what_it_says_and_nothing_else() -> None:
    said = update(
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
    assert isinstance(said, MovieUpdate)
    assert said.values == {
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
    assert (said.updated_at, said.is_deleted, said.imdb_id) == (None, False, None)
    assert said.title == ("alien", 1979)
    assert said.to_facts() == MovieFacts(
        title="Alien",
        year=1979,
        released=dt.date(1979, 5, 25),
        cast=("Sigourney Weaver",),
        ratings=(Rating("Metacritic", "89/100"),),
    )


def test_an_update_says_since_when_and_whether_the_film_is_to_go() -> None:
    said = update(imdb_id="tt0078748", updated_at="2026-11-21T13:00:00+02:00", deleted=True)
    assert said == MovieUpdate(
        {"imdb_id": "tt0078748"}, dt.datetime(2026, 11, 21, 11, tzinfo=dt.UTC), is_deleted=True
    )


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"year": 1979}, "title", "An update needs `imdb_id` or `title`."),
        ({"title": 5}, "title", "Input should be a valid string."),
        ({"title": None}, "title", "Input should be a valid string."),
        ({"title": "  "}, "title", "it is blank, or holds NUL."),
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
            "This is before 1970, or more than a day from now.",
        ),
        (
            {"title": "A", "updated_at": "0001-01-01T00:00:00+01:00"},
            "updated_at",
            "This is before 1970, or more than a day from now.",
        ),
        ({"title": "A", "b" * 300: 1}, "b" * 200, "Extra inputs are not permitted."),
        (
            {"title": "A", "plot": "\U0001f600" * 17_000},
            "plot",
            "it has more than 65535 bytes.",
        ),
    ],
)
def test_an_update_that_is_wrong_is_told_where_and_why(
    fields: dict[str, object], field: str, message: str
) -> None:
    assert update(**fields) == IngestFault(3, field, message)


def test_what_is_no_object_is_told_so() -> None:
    not_json = read_update(b"{nonsense", 2, NOW)
    assert isinstance(not_json, IngestFault)
    assert (not_json.line, not_json.field) == (2, "")
    assert "at column 2" in not_json.message
    number = read_update(b"5", 1, NOW)
    assert isinstance(number, IngestFault)
    assert number.message == "Input should be an object."


DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = json.loads((DOCS / "update.schema.json").read_text(encoding="utf-8"))


def test_the_schema_that_is_documented_is_the_one_that_holds() -> None:
    done = CliRunner().invoke(app, ["update-schema"])
    kept = (DOCS / "update.schema.json").read_text(encoding="utf-8")
    assert done.stdout == kept, "Run `make openapi`."
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
        {"title": "Alien", "type": "film"},
        {"title": "Alien", "imdb_rating": 11},
        {"title": "Alien", "ratings": [{"source": "Metacritic"}]},
        {"imdb_id": "78748"},
    ],
)
def test_the_schema_takes_what_the_program_takes(fields: dict[str, object]) -> None:
    is_taken = isinstance(update(**fields), MovieUpdate)
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid(fields) is is_taken


def test_updates_that_the_documentation_shows_are_taken() -> None:
    shown = re.findall(r"```json\n(.*?)```", (DOCS / "ingesting.md").read_text(), re.DOTALL)
    updates = [text for text in shown if '"errors"' not in text]
    assert len(updates) >= 1
    for text in updates:
        assert isinstance(read_update(text.encode(), 1, NOW), MovieUpdate)
