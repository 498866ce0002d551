"""OMDb's JSON object of a title, as the facts of a film."""

import re
from typing import Any, cast, get_args

from common.errors import UpstreamInvalid
from data_fetcher.omdb.field_parsers import (
    NAME_MAX_CHARACTERS,
    read_count,
    read_date,
    read_dollars,
    read_imdb_rating,
    read_metascore,
    read_minutes,
    read_names,
    read_text,
    read_url,
    read_years,
)
from data_layer.entities.movie import TITLE_MAX_CHARACTERS, MovieFacts, MovieType, Rating

_IMDB_ID = re.compile(r"tt[0-9]{7,16}")


def read_movie(document: dict[str, Any]) -> MovieFacts:
    """Return the whole film; a series or an episode is what it is.

    Raises:
        UpstreamInvalid: a field has a type that the protocol does not have, or there is no
            title, no IMDb id or no known type. Nothing is guessed.
    """
    field = _Fields(document)
    year, end_year = read_years(field["Year"])
    return MovieFacts(
        title=_read_title(field["Title"]),
        imdb_id=_read_imdb_id(field["imdbID"]),
        year=year,
        end_year=end_year,
        type=_read_type(field["Type"]),
        rated=read_text(field["Rated"], NAME_MAX_CHARACTERS),
        released=read_date(field["Released"]),
        runtime_minutes=read_minutes(field["Runtime"]),
        genres=read_names(field["Genre"]),
        directors=read_names(field["Director"]),
        writers=read_names(field["Writer"]),
        cast=read_names(field["Actors"]),
        plot=read_text(field["Plot"]),
        languages=read_names(field["Language"]),
        countries=read_names(field["Country"]),
        awards=read_text(field["Awards"]),
        poster_url=read_url(field["Poster"]),
        ratings=_read_ratings(document.get("Ratings", [])),
        metascore=read_metascore(field["Metascore"]),
        imdb_rating=read_imdb_rating(field["imdbRating"]),
        imdb_votes=read_count(field["imdbVotes"]),
        box_office_usd=read_dollars(field["BoxOffice"]),
        production=read_text(field["Production"]),
        website=read_url(field["Website"]),
    )


class _Fields:
    """The texts of an object; one that is missing is empty, one that is no text is an error."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document

    def __getitem__(self, name: str) -> str:
        value = self._document.get(name, "")
        if not isinstance(value, str):
            raise UpstreamInvalid("OMDb's answer has a field of a type that OMDb does not have.")
        return value


def _read_title(value: str) -> str:
    title = read_text(value, TITLE_MAX_CHARACTERS + 1)
    if title is None or len(title) > TITLE_MAX_CHARACTERS:
        raise UpstreamInvalid("OMDb's answer has no title, or one that is too long.")
    return title


def _read_imdb_id(value: str) -> str:
    if not _IMDB_ID.fullmatch(value):
        raise UpstreamInvalid("OMDb's answer has no IMDb id.")
    return value


def _read_type(value: str) -> MovieType:
    if value not in get_args(MovieType):
        raise UpstreamInvalid("OMDb's answer is of a type that OMDb does not have.")
    return cast("MovieType", value)


def _read_ratings(value: object) -> tuple[Rating, ...]:
    """Return the ratings; one without a source or a value is none."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise UpstreamInvalid("OMDb's answer has ratings of a type that OMDb does not have.")
    pairs = (
        (
            read_text(fields["Source"], NAME_MAX_CHARACTERS),
            read_text(fields["Value"], NAME_MAX_CHARACTERS),
        )
        for fields in map(_Fields, value)
    )
    return tuple(Rating(source, rating) for source, rating in pairs if source and rating)
