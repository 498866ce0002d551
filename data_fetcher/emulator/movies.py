"""Movies of the emulator: loaded from movies.json and rendered in OMDb's format."""

import itertools
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from common.errors import InvalidInput
from common.text import match_key
from data_layer.entities.movie import MovieType
from data_layer.entities.movie_fields import ImdbId

MOVIES_FILE = Path(__file__).with_name("movies.json")

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NOT_AVAILABLE = "N/A"

_FIRST_GENERATED = 8_000_001
"""Number of the IMDb id of the first generated movie."""


class EmulatedMovie(BaseModel):
    """Facts of a movie; a response contains "N/A" for those that are None."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    imdb_id: ImdbId
    title: str
    year: int
    end_year: int | None = None
    is_running: bool = False
    """Whether a series is still running."""
    type: MovieType = "movie"
    rated: str | None = None
    released: str | None = None
    """ISO date."""
    runtime_minutes: int | None = None
    genres: tuple[str, ...] = ()
    directors: tuple[str, ...] = ()
    writers: tuple[str, ...] = ()
    cast: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    awards: str | None = None
    tomatometer: int | None = None
    metascore: int | None = None
    box_office_usd: int | None = None
    production: str | None = None
    reviews: int = 0
    """Number of reviews by critics; of several movies with one title, the highest wins."""

    @cached_property
    def title_key(self) -> str:
        """Normalized title, by which movies are found."""
        return match_key(self.title)

    def to_response(self) -> dict[str, object]:
        """Return OMDb's JSON object of the movie, with the fields in OMDb's order."""
        return {
            "Title": self.title,
            "Year": self.year_text(),
            "Rated": self.rated or _NOT_AVAILABLE,
            "Released": _date(self.released),
            "Runtime": _with_unit(self.runtime_minutes, "{} min"),
            "Genre": _listed(self.genres),
            "Director": _listed(self.directors),
            "Writer": _listed(self.writers),
            "Actors": _listed(self.cast),
            "Plot": _NOT_AVAILABLE,
            "Language": _listed(self.languages),
            "Country": _listed(self.countries),
            "Awards": self.awards or _NOT_AVAILABLE,
            "Poster": _NOT_AVAILABLE,
            "Ratings": self._ratings(),
            "Metascore": _with_unit(self.metascore, "{}"),
            "imdbRating": _NOT_AVAILABLE,
            "imdbVotes": _NOT_AVAILABLE,
            "imdbID": self.imdb_id,
            "Type": self.type,
            **self._last_fields(),
            "Response": "True",
        }

    def to_search_result(self) -> dict[str, str]:
        """Return OMDb's JSON object of the movie in search results."""
        return {
            "Title": self.title,
            "Year": self.year_text(),
            "imdbID": self.imdb_id,
            "Type": self.type,
            "Poster": _NOT_AVAILABLE,
        }

    def year_text(self) -> str:
        """Return "1999", "2011–2019" or "1999–"."""  # noqa: RUF002 - OMDb's dash.
        if self.end_year is not None or self.is_running:
            return f"{self.year}\u2013{self.end_year or ''}"
        return str(self.year)

    def _ratings(self) -> list[dict[str, str]]:
        scores = (
            ("Rotten Tomatoes", self.tomatometer, "{}%"),
            ("Metacritic", self.metascore, "{}/100"),
        )
        return [
            {"Source": source, "Value": form.format(score)}
            for source, score, form in scores
            if score is not None
        ]

    def _last_fields(self) -> dict[str, str]:
        if self.type == "series":
            return {"totalSeasons": _NOT_AVAILABLE}
        return {
            "DVD": _NOT_AVAILABLE,
            "BoxOffice": _with_unit(self.box_office_usd, "${:,}"),
            "Production": self.production or _NOT_AVAILABLE,
            "Website": _NOT_AVAILABLE,
        }


class _MoviesFile(BaseModel):
    movies: tuple[EmulatedMovie, ...]


def load_movies(path: Path = MOVIES_FILE) -> tuple[EmulatedMovie, ...]:
    """Return the movies in a file with the format of movies.json.

    Raises:
        InvalidInput: The file can't be read or is invalid.
    """
    try:
        return _MoviesFile.model_validate_json(path.read_bytes()).movies
    except (OSError, ValidationError):
        raise InvalidInput(f"{path.name} can't be read as a file of movies.") from None


def with_generated(movies: tuple[EmulatedMovie, ...], count: int) -> tuple[EmulatedMovie, ...]:
    """Return the movies and `count` generated ones: copies with other titles and IMDb ids."""
    generated = (
        EmulatedMovie.model_construct(
            **dict(movie) | {"imdb_id": f"tt{number}", "title": f"{movie.title} {number}"}
        )
        for number, movie in zip(
            range(_FIRST_GENERATED, _FIRST_GENERATED + count), itertools.cycle(movies), strict=False
        )
    )
    return (*movies, *generated)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or _NOT_AVAILABLE


def _with_unit(number: int | None, form: str) -> str:
    return _NOT_AVAILABLE if number is None else form.format(number)


def _date(iso: str | None) -> str:
    if iso is None:
        return _NOT_AVAILABLE
    year, month, day = iso.split("-")
    return f"{day} {_MONTHS[int(month) - 1]} {year}"
