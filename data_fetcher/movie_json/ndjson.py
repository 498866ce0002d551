"""Export and import of movies as NDJSON, one document of `GET /movies/{id}` per line."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

import orjson
from pydantic import ValidationError

from common.cli.progress import Advance
from common.text import match_key
from common.unique_names import RepeatedName, require_unique_names
from data_fetcher.movie_json.document import MovieDocument
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_query import MovieQuery, MovieSort
from data_layer.ports.movies import Title
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory

LINE_MAX_BYTES = 1_048_576
"""Maximum length of a line; a longer one is reported as an error."""

_BATCH_MOVIES = 500
_Line = tuple[int, int | None, MovieFacts]
"""Number of a line, from 1, the id of its movie, and the movie."""

OnError = Callable[[int, str], None]
"""Callback with the number of a rejected line, from 1, and the error message."""


@dataclass(slots=True)
class LineReport:
    """Numbers of imported lines by result."""

    added: int = 0
    known: int = 0
    """Movies already in the catalogue."""
    errors: int = 0
    """Invalid lines, and lines that repeat an earlier one; each is passed to `OnError`."""


def export_movies(unit_of_work: UnitOfWorkFactory, file: BinaryIO, advance: Advance) -> int:
    """Write all movies as lines in the order of their ids, and return their number.

    Movies that are added or removed during the export may or may not be included. Every line is a
    complete document, and no movie occurs twice.
    """
    query = MovieQuery(sort=MovieSort("id"), limit=_BATCH_MOVIES, counts_total=True)
    exported, total = 0, None
    while True:
        with unit_of_work(is_read_only=True) as uow:
            page = uow.movies.list(query)
        file.writelines(movie.document + b"\n" for movie in page.movies)
        exported += len(page.movies)
        total = page.total if total is None else total
        advance(exported, total)
        if page.next_after is None:
            return exported
        query = MovieQuery(sort=query.sort, limit=query.limit, after=page.next_after)


def import_movies(
    database: Database, file: BinaryIO, on_error: OnError, advance: Advance
) -> LineReport:
    """Add the movies of a file that the catalogue lacks; report the other lines that are skipped.

    A movie exists if its IMDb id does, or, without an IMDb id, its title and year; each stored
    movie stands for one line. A line repeats an earlier one if both have the same IMDb id, or, as
    movies without one, the same title, year and id; without an id, the same title and year. An
    empty catalogue gets all movies in one transaction and with the ids of the file. Other
    catalogues get batches with new ids, so that an interrupted import can be repeated.

    Raises:
        DatabaseUnavailable: The database failed; batches committed before stay.
    """
    movie_import = _Import(LineReport(), on_error, advance)
    newest = MovieQuery(sort=MovieSort("id", is_descending=True), limit=1)
    with database.unit_of_work(is_read_only=True) as uow:
        stored = uow.movies.list(newest).movies
    if stored:
        movie_import.add(database, file, stored[0].id)
    else:
        movie_import.fill(database, file)
    return movie_import.report


@dataclass(slots=True)
class _Import:
    report: LineReport
    on_error: OnError
    advance: Advance
    _seen: set[str | Title | tuple[Title, int]] = field(default_factory=set)
    """IMDb ids, titles, and titles with ids, of the lines so far."""

    def fill(self, database: Database, file: BinaryIO) -> None:
        """Add all movies in one transaction with the ids of their lines.

        Ids have to ascend, and to exceed every id that the catalogue ever assigned. A line without
        an id gets the next one.
        """
        with database.bulk_load() as load:
            next_id = load.next_id
            for batch in self._batches(file):
                ids, movies = [], []
                for number, movie_id, facts in batch:
                    if movie_id is not None and movie_id < next_id:
                        self._reject(number, "id: must be greater than all preceding ids")
                    else:
                        ids.append(movie_id or next_id)
                        movies.append(facts)
                        next_id = ids[-1] + 1
                load.add_many(movies, ids)
                self.report.added += len(movies)

    def add(self, database: Database, file: BinaryIO, last_id: int) -> None:
        """Add missing movies in batches, with new ids.

        Args:
            database: The catalogue.
            file: The lines.
            last_id: Highest id before the import; later movies were added by it.
        """
        unmatched: dict[Title, int] = {}
        for batch in self._batches(file):
            with database.unit_of_work() as uow:
                new = _missing(uow, [facts for _, _, facts in batch], last_id, unmatched)
                if new:
                    uow.movies.add_many(new)
                    uow.commit()
            self.report.added += len(new)
            self.report.known += len(batch) - len(new)

    def _batches(self, file: BinaryIO) -> Iterator[list[_Line]]:
        """Yield batches of valid lines that do not repeat an earlier one."""
        batch: list[_Line] = []
        number = 0
        for number, line in enumerate(_lines(file), 1):
            movie = self._parse(number, line)
            if movie is not None and not self._is_repeated(
                number, movie.id, facts := movie.to_facts()
            ):
                batch.append((number, movie.id, facts))
            if len(batch) == _BATCH_MOVIES:
                yield batch
                batch = []
                self.advance(number, None)
        if batch:
            yield batch
        self.advance(number, number)

    def _parse(self, number: int, line: bytes) -> MovieDocument | None:
        if not line.strip():
            return None
        if len(line) > LINE_MAX_BYTES:
            self._reject(number, f"must have at most {LINE_MAX_BYTES} bytes")
            return None
        try:
            document = MovieDocument.model_validate_json(line)
            require_unique_names(line, [orjson.loads(line)])
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(map(str, first["loc"]))
            message = first["msg"].removeprefix("Value error, ")
            self._reject(number, f"{field}: {message}" if field else message)
            return None
        except (RepeatedName, orjson.JSONDecodeError):  # The first of two values may be NaN.
            self._reject(number, "an object contains a name twice")
            return None
        return document

    def _is_repeated(self, number: int, movie_id: int | None, facts: MovieFacts) -> bool:
        """Return whether the line repeats an earlier one, and report it; remember the line."""
        if facts.imdb_id is not None:
            is_repeated = facts.imdb_id in self._seen
            self._seen.add(facts.imdb_id)
        else:
            title = _title_of(facts)
            is_repeated = (title if movie_id is None else (title, movie_id)) in self._seen
            self._seen.add(title)
            if movie_id is not None:
                self._seen.add((title, movie_id))
        if is_repeated:
            self._reject(number, "repeats the movie of an earlier line")
        return is_repeated

    def _reject(self, number: int, message: str) -> None:
        self.report.errors += 1
        self.on_error(number, f"{message}.")


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines; a line over the limit is cut after one byte more than the limit."""
    while line := file.readline(LINE_MAX_BYTES + 1):
        rest = line
        while len(rest) > LINE_MAX_BYTES and not rest.endswith(b"\n"):
            rest = file.readline(LINE_MAX_BYTES + 1)
        yield line


def _missing(
    uow: UnitOfWork, movies: Sequence[MovieFacts], last_id: int, unmatched: dict[Title, int]
) -> list[MovieFacts]:
    """Return the movies that the catalogue lacked before the import.

    Several movies may share a title and a year: each stored one stands for one line.

    Args:
        uow: A transaction.
        movies: The movies of some lines, each IMDb id at most once.
        last_id: Highest id before the import.
        unmatched: Number of stored movies by title that stand for no line yet; is updated.
    """
    imdb_ids = {facts.imdb_id for facts in movies if facts.imdb_id is not None}
    existing = uow.movies.find_many_by_imdb_id(imdb_ids)
    titles = {_title_of(facts) for facts in movies if facts.imdb_id is None} - unmatched.keys()
    found = uow.movies.find_many_by_title(titles)
    unmatched |= {title: sum(each <= last_id for each in found.get(title, ())) for title in titles}
    missing = []
    for facts in movies:
        if facts.imdb_id is not None:
            is_missing = facts.imdb_id not in existing
        else:
            title = _title_of(facts)
            is_missing = not unmatched[title]
            unmatched[title] -= not is_missing
        if is_missing:
            missing.append(facts)
    return missing


def _title_of(facts: MovieFacts) -> Title:
    return match_key(facts.title), facts.year
