"""The emulator's films: read from films.json, and written the way OMDb writes."""

import itertools
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common.errors import InvalidInput
from common.text import match_key
from data_layer.entities.movie import MovieType

FILMS_FILE = Path(__file__).with_name("films.json")

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NOT_AVAILABLE = "N/A"

_FIRST_MORE = 8_000_001


class EmulatedFilm(BaseModel):
    """What is known of a film; what is not given is "N/A" in answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    imdb_id: Annotated[str, Field(pattern=r"^tt\d{7,16}$")]
    title: str
    year: int
    end_year: int | None = None
    is_running: bool = False
    """Whether a series has no end yet."""
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
    """Of critics; the film with the most is the one that a title means."""

    @cached_property
    def title_key(self) -> str:
        """What the title is found by."""
        return match_key(self.title)

    def to_answer(self) -> dict[str, object]:
        """Return OMDb's object of the film, its keys in OMDb's order."""
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

    def to_hit(self) -> dict[str, str]:
        """Return OMDb's object of the film among the hits of a search."""
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
        known = (
            ("Rotten Tomatoes", self.tomatometer, "{}%"),
            ("Metacritic", self.metascore, "{}/100"),
        )
        return [
            {"Source": source, "Value": form.format(score)}
            for source, score, form in known
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


class _FilmsFile(BaseModel):
    films: tuple[EmulatedFilm, ...]


def load_films(path: Path = FILMS_FILE) -> tuple[EmulatedFilm, ...]:
    """Read the films of a file like films.json.

    Raises:
        InvalidInput: it can't be read, or is not of that form.
    """
    try:
        return _FilmsFile.model_validate_json(path.read_bytes()).films
    except (OSError, ValidationError):
        raise InvalidInput(f"{path.name} can't be read as a file of films.") from None


def with_more(films: tuple[EmulatedFilm, ...], count: int) -> tuple[EmulatedFilm, ...]:
    """Return the films, and so many more: theirs again under other titles and IMDb ids."""
    more = (
        EmulatedFilm.model_construct(
            **dict(film) | {"imdb_id": f"tt{number}", "title": f"{film.title} {number}"}
        )
        for number, film in zip(
            range(_FIRST_MORE, _FIRST_MORE + count), itertools.cycle(films), strict=False
        )
    )
    return (*films, *more)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or _NOT_AVAILABLE


def _with_unit(number: int | None, form: str) -> str:
    return _NOT_AVAILABLE if number is None else form.format(number)


def _date(iso: str | None) -> str:
    if iso is None:
        return _NOT_AVAILABLE
    year, month, day = iso.split("-")
    return f"{day} {_MONTHS[int(month) - 1]} {year}"
