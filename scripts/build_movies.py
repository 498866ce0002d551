"""Generator of movies.json: `python -m scripts.build_movies [FILE]`.

Source: the movie facts of Wikidata (CC0) in the package `bokeh_sampledata`, which the
development requirements install.
"""

import importlib.util
import json
import sqlite3
import sys
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from common.cli.commands import reported_errors
from common.errors import InvalidInput
from common.text import match_key
from data_fetcher.emulator.movies import MOVIES_FILE

HEADER = {
    "source": "Wikidata, https://www.wikidata.org, by way of bokeh_sampledata 2026.1 (PyPI)",
    "licence": "CC0 1.0, https://creativecommons.org/publicdomain/zero/1.0/",
    "retrieved": "2026-10-18",
    "note": "Casts are in alphabetical order, as in the source. Nothing is added to the facts.",
}

MOVIES_PER_DECADE = 95
"""Number of movies per decade; the most reviewed ones are selected."""

SAME_TITLE_REVIEWS_MIN = 5
"""Minimum reviews of a movie that is included because it shares the title of a selected one."""

ALWAYS_INCLUDED = frozenset({"tt0088846", "tt0119094", "tt0155975", "tt0211915", "tt0910970"})
"""Movies that are always selected: Brazil, Face/Off, Psycho of 1998, Amélie, WALL-E."""

_QUERY = """
    SELECT o.imdbID AS imdb_id, o.Title AS title, o.Year AS year, o.Rating AS rated,
           o.Released AS released, o.Runtime AS runtime, o.Genre AS genres,
           o.Director AS directors, o.Writer AS writers, o."Cast" AS "cast",
           o.Language AS languages, o.Country AS countries, o.Awards AS awards,
           o.Metacritic AS metascore, t.Meter AS tomatometer, t.BoxOffice AS box_office,
           t.Production AS production, t.Reviews AS reviews
    FROM omdb AS o JOIN tomatoes AS t USING (ID)
    WHERE o.imdbID LIKE 'tt%' AND o.Title <> '' AND o.Year > 0 AND o.Director <> ''
    ORDER BY t.Reviews DESC, o.imdbID
"""

Row = dict[str, Any]


def read_source(path: Path) -> list[Row]:
    """Return the distinct movies of the source, the most reviewed first."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute(_QUERY)]
    return list({row["imdb_id"]: row for row in reversed(rows)}.values())[::-1]


def choose(rows: Iterable[Row]) -> list[Row]:
    """Return the most reviewed movies of each decade and those with the same titles.

    They are sorted by title, year and IMDb id.
    """
    rows = list(rows)
    by_decade: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        if row["cast"] or row["imdb_id"] in ALWAYS_INCLUDED:
            by_decade[row["year"] // 10].append(row)
    chosen = {row["imdb_id"] for decade in by_decade.values() for row in decade[:MOVIES_PER_DECADE]}
    chosen |= ALWAYS_INCLUDED
    titles = {match_key(row["title"]) for row in rows if row["imdb_id"] in chosen}
    selected = [
        row
        for row in rows
        if row["imdb_id"] in chosen
        or (match_key(row["title"]) in titles and (row["reviews"] or 0) >= SAME_TITLE_REVIEWS_MIN)
    ]
    return sorted(selected, key=lambda row: (match_key(row["title"]), row["year"], row["imdb_id"]))


def to_movie(row: Row) -> Row:
    """Return the entry of a movie for movies.json, without unknown fields."""
    # The source uses 1 January if it has only the year.
    released = None if (row["released"] or "").endswith("-01-01") else row["released"]
    movie = {
        "imdb_id": row["imdb_id"],
        "title": row["title"],
        "year": row["year"],
        "rated": row["rated"],
        "released": released,
        "runtime_minutes": int(row["runtime"]) if row["runtime"] else None,
        **{
            name: _names(row[name])
            for name in ("genres", "directors", "writers", "cast", "languages", "countries")
        },
        "awards": row["awards"],
        "tomatometer": row["tomatometer"],
        "metascore": row["metascore"],
        "box_office_usd": int(row["box_office"]) if row["box_office"] else None,
        "production": row["production"],
        "reviews": row["reviews"],
    }
    return {name: value for name, value in movie.items() if value not in (None, [], "")}


def render_movies(movies: Iterable[Row]) -> str:
    """Return the text of the file: the header, then one movie per line."""
    head = json.dumps(HEADER, indent=1, ensure_ascii=False).removesuffix("\n}")
    lines = ",\n".join(json.dumps(movie, ensure_ascii=False) for movie in movies)
    return f'{head},\n "movies": [\n{lines}\n]}}\n'


def find_source() -> Path:
    """Return the path of the database in `bokeh_sampledata`."""
    package = importlib.util.find_spec("bokeh_sampledata")
    if package is None or package.origin is None:
        raise InvalidInput("bokeh_sampledata is not installed; run make setup-dev.")
    return Path(package.origin).with_name("_data") / "movies.db"


def main(target: Path = MOVIES_FILE) -> None:
    """Write the file from the source."""
    with reported_errors():
        movies = [to_movie(row) for row in choose(read_source(find_source()))]
    target.write_text(render_movies(movies), encoding="utf-8")
    print(f"{len(movies)} movies written to {target.name}.", file=sys.stderr)


def _names(text: str | None) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in (text or "").split(",") if name.strip()))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
