"""Public representation of a movie, as the JSON bytes that are stored and served."""

import dataclasses
import datetime as dt
from operator import attrgetter

import orjson

from data_layer.entities.movie import MovieFacts, Rating

_NAMES = tuple(field.name for field in dataclasses.fields(MovieFacts))
_KEYS = ("id", *_NAMES, "self_url")
_values_of = attrgetter(*_NAMES)


def render_movie(movie_id: int, facts: MovieFacts) -> bytes:
    """Return the movie as compact UTF-8 JSON, with the fields in the order of `MovieFacts`.

    Source: the "Movie" object of the API; unknown values are `null`, dates are ISO 8601.
    """
    values = movie_id, *_values_of(facts), f"/movies/{movie_id}"
    return orjson.dumps(dict(zip(_KEYS, values, strict=True)))


def parse_facts(document: bytes) -> MovieFacts:
    """Parse a document of `render_movie` back into facts."""
    fields = orjson.loads(document)
    del fields["id"], fields["self_url"]
    for name, value in fields.items():
        if isinstance(value, list) and name != "ratings":
            fields[name] = tuple(value)
    fields["ratings"] = tuple(Rating(**rating) for rating in fields["ratings"])
    fields["released"] = fields["released"] and dt.date.fromisoformat(fields["released"])
    return MovieFacts(**fields)
