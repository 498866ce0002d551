"""How the service, and those it is compared with, are asked for the same thing."""

from collections.abc import Callable, Mapping
from urllib.parse import quote, urlencode

from common.benchmark.workload import Read, Sample
from common.text import match_key

PathOf = Callable[[Sample], str]

SERVICE_PATHS: Mapping[Read, PathOf] = {
    Read.FIRST_PAGE: lambda _: "/movies",
    Read.DEEP_PAGE: lambda film: film.deep_url,
    Read.BY_ID: lambda film: f"/movies/{film.id}",
    Read.BY_TITLE: lambda film: f"/movies/{quote(film.title)}",
    Read.TITLE_FILTER: lambda film: f"/movies?{urlencode({'title': film.title})}",
    Read.YEAR_FILTER: lambda film: f"/movies?{urlencode({'year': film.year})}",
    Read.GENRE_FILTER: lambda film: f"/movies?{urlencode({'genre': film.genre})}",
    Read.CAST_FILTER: lambda film: f"/movies?{urlencode({'cast': film.cast})}",
}

TEXTBOOK_PATHS: Mapping[Read, PathOf] = {
    **SERVICE_PATHS,
    Read.DEEP_PAGE: lambda film: f"/movies?page={film.deep_page}",
    Read.BY_TITLE: lambda film: f"/movies/by-title/{quote(film.title)}",
}

_OF_GENRE = """id IN (
    SELECT movie_id FROM movie_genres JOIN genres ON genres.id = genre_id WHERE name_key = '{key}'
)"""
_OF_CAST = """id IN (
    SELECT movie_id FROM credits JOIN people ON people.id = person_id
    WHERE name_key = '{key}' AND role = 'cast'
)"""


def _datasette_rows(**conditions: object) -> str:
    page = {"_shape": "objects", "_nocol": "document", "_size": 10, "_sort": "title_key"}
    return f"/catalogue/movies.json?{urlencode(page | conditions)}"


def _tilde_encoded(text: str) -> str:
    """Return a value as Datasette writes it into its cursors."""
    return quote(text, safe="").replace("%20", "+").replace("~", "~7E").replace("%", "~")


def _sql(condition: str, text: str) -> str:
    return " ".join(condition.format(key=match_key(text).replace("'", "''")).split())


DATASETTE_PATHS: Mapping[Read, PathOf] = {
    Read.FIRST_PAGE: lambda _: _datasette_rows(),
    Read.DEEP_PAGE: lambda film: _datasette_rows(
        _next=f"{_tilde_encoded(match_key(film.title))},{film.id}"
    ),
    Read.BY_ID: lambda film: f"/catalogue/movies/{film.id}.json?_shape=objects",
    Read.BY_TITLE: lambda film: _datasette_rows(title_key=match_key(film.title)),
    Read.TITLE_FILTER: lambda film: _datasette_rows(title_key=match_key(film.title)),
    Read.YEAR_FILTER: lambda film: _datasette_rows(year_key=film.year),
    Read.GENRE_FILTER: lambda film: _datasette_rows(_where=_sql(_OF_GENRE, film.genre)),
    Read.CAST_FILTER: lambda film: _datasette_rows(_where=_sql(_OF_CAST, film.cast)),
}
