"""Write films.json anew: `python -m data_fetcher.emulator.build_movies [FILE]`.

Source: the film facts of Wikidata (CC0) in the package `bokeh_sampledata`, which the
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
from data_fetcher.emulator.movies import FILMS_FILE

HEADER = {
    "source": "Wikidata, https://www.wikidata.org, by way of bokeh_sampledata 2026.1 (PyPI)",
    "licence": "CC0 1.0, https://creativecommons.org/publicdomain/zero/1.0/",
    "retrieved": "2026-10-18",
    "note": "Casts are in alphabetical order, as in the source. Nothing is added to the facts.",
}

FILMS_A_DECADE = 95
"""How many of the most reviewed films of each decade are taken."""

NAMESAKES_MIN_REVIEWS = 5
"""Reviews that another film of a taken title needs to be taken with it."""

WANTED = frozenset({"tt0088846", "tt0119094", "tt0155975", "tt0211915", "tt0910970"})
"""Films that are taken in any case: Brazil, Face/Off, Psycho of 1998, Amélie, WALL-E."""

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
    """Return every film of the source once, the most reviewed one first."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute(_QUERY)]
    return list({row["imdb_id"]: row for row in reversed(rows)}.values())[::-1]


def choose(rows: Iterable[Row]) -> list[Row]:
    """Return the well-known films of every decade, with their namesakes, by title and year."""
    rows = list(rows)
    by_decade: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        if row["cast"] or row["imdb_id"] in WANTED:
            by_decade[row["year"] // 10].append(row)
    chosen = {row["imdb_id"] for decade in by_decade.values() for row in decade[:FILMS_A_DECADE]}
    chosen |= WANTED
    titles = {match_key(row["title"]) for row in rows if row["imdb_id"] in chosen}
    taken = [
        row
        for row in rows
        if row["imdb_id"] in chosen
        or (match_key(row["title"]) in titles and (row["reviews"] or 0) >= NAMESAKES_MIN_REVIEWS)
    ]
    return sorted(taken, key=lambda row: (match_key(row["title"]), row["year"], row["imdb_id"]))


def to_film(row: Row) -> Row:
    """Return what films.json says of a film: what is known, and nothing else."""
    # The source writes the first of January where it knows the year only.
    released = None if (row["released"] or "").endswith("-01-01") else row["released"]
    film = {
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
    return {name: value for name, value in film.items() if value not in (None, [], "")}


def write_films(films: Iterable[Row]) -> str:
    """Return the file's text: the header, then a film a line."""
    head = json.dumps(HEADER, indent=1, ensure_ascii=False).removesuffix("\n}")
    lines = ",\n".join(json.dumps(film, ensure_ascii=False) for film in films)
    return f'{head},\n "films": [\n{lines}\n]}}\n'


def find_source() -> Path:
    """Return the database of `bokeh_sampledata`.

    Raises:
        InvalidInput: the package is not installed.
    """
    package = importlib.util.find_spec("bokeh_sampledata")
    if package is None or package.origin is None:
        raise InvalidInput("bokeh_sampledata is not installed: make setup-dev installs it.")
    return Path(package.origin).with_name("_data") / "movies.db"


def main(target: Path = FILMS_FILE) -> None:
    """Read the source and write the file."""
    with reported_errors():
        films = [to_film(row) for row in choose(read_source(find_source()))]
    target.write_text(write_films(films), encoding="utf-8")
    print(f"{len(films)} films written to {target.name}.", file=sys.stderr)


def _names(text: str | None) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in (text or "").split(",") if name.strip()))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
