"""Mapping of OMDb's JSON object of a title to `MovieFacts`."""

from typing import Any, cast, get_args

from common.errors import UpstreamBadResponse
from data_fetcher.omdb.field_parsers import (
    parse_count,
    parse_date,
    parse_dollars,
    parse_imdb_rating,
    parse_metascore,
    parse_minutes,
    parse_names,
    parse_text,
    parse_url,
    parse_years,
)
from data_layer.entities.movie import MovieFacts, MovieType, Rating
from data_layer.entities.movie_fields import NAME_MAX_CHARACTERS, TITLE_MAX_CHARACTERS, is_imdb_id


def parse_movie(document: dict[str, Any]) -> MovieFacts:
    """Return the facts of a movie, series, episode or game.

    Raises:
        UpstreamBadResponse: The title, the IMDb id or the type is missing or invalid, or a field
            has the wrong JSON type. No value is guessed.
    """
    field = _Fields(document)
    year, end_year = parse_years(field["Year"])
    return MovieFacts(
        title=_parse_title(field["Title"]),
        imdb_id=_parse_imdb_id(field["imdbID"]),
        year=year,
        end_year=end_year,
        type=_parse_type(field["Type"]),
        rated=parse_text(field["Rated"], NAME_MAX_CHARACTERS),
        released=parse_date(field["Released"]),
        runtime_minutes=parse_minutes(field["Runtime"]),
        genres=parse_names(field["Genre"]),
        directors=parse_names(field["Director"]),
        writers=parse_names(field["Writer"]),
        cast=parse_names(field["Actors"]),
        plot=parse_text(field["Plot"]),
        languages=parse_names(field["Language"]),
        countries=parse_names(field["Country"]),
        awards=parse_text(field["Awards"]),
        poster_url=parse_url(field["Poster"]),
        ratings=_parse_ratings(document.get("Ratings", [])),
        metascore=parse_metascore(field["Metascore"]),
        imdb_rating=parse_imdb_rating(field["imdbRating"]),
        imdb_votes=parse_count(field["imdbVotes"]),
        box_office_usd=parse_dollars(field["BoxOffice"]),
        production=parse_text(field["Production"]),
        website=parse_url(field["Website"]),
    )


class _Fields:
    """String fields of a JSON object; a missing one is "", one of another JSON type an error."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document

    def __getitem__(self, name: str) -> str:
        value = self._document.get(name, "")
        if not isinstance(value, str):
            raise UpstreamBadResponse("OMDb returned a field of the wrong JSON type.")
        return value


def _parse_title(value: str) -> str:
    title = parse_text(value, TITLE_MAX_CHARACTERS + 1)
    if title is None or len(title) > TITLE_MAX_CHARACTERS:
        raise UpstreamBadResponse("OMDb returned a title that is missing or too long.")
    return title


def _parse_imdb_id(value: str) -> str:
    if not is_imdb_id(value):
        raise UpstreamBadResponse("OMDb returned no valid IMDb id.")
    return value


def _parse_type(value: str) -> MovieType:
    if value not in get_args(MovieType):
        raise UpstreamBadResponse("OMDb returned an unknown value in the field Type.")
    return cast("MovieType", value)


def _parse_ratings(value: object) -> tuple[Rating, ...]:
    """Return the ratings that have both a source and a value."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise UpstreamBadResponse("OMDb returned ratings of the wrong JSON type.")
    pairs = (
        (
            parse_text(fields["Source"], NAME_MAX_CHARACTERS),
            parse_text(fields["Value"], NAME_MAX_CHARACTERS),
        )
        for fields in map(_Fields, value)
    )
    return tuple(Rating(source, rating) for source, rating in pairs if source and rating)
