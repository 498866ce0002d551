"""Export and import of movies as NDJSON, one document of `GET /movies/{id}` per line."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from pydantic import ValidationError

from common.cli.progress import Advance
from common.text import match_key
from data_fetcher.movie_json.document import MovieDocument
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_query import MovieQuery, MovieSort
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory

LINE_MAX_BYTES = 1_048_576
"""Maximum length of a line; a longer one is reported as an error."""

_BATCH_MOVIES = 500
OnError = Callable[[int, str], None]
"""Callback with the number of a rejected line, from 1, and the error message."""


@dataclass(slots=True)
class LineReport:
    """Numbers of imported lines by result."""

    added: int = 0
    known: int = 0
    """Movies already in the catalogue, or repeated in the file."""
    errors: int = 0


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
    """Add the movies of a file that the catalogue lacks; report invalid lines and skip them.

    A movie exists if its IMDb id does, or, without an IMDb id, its title and year. An empty
    catalogue gets all movies in one transaction and with the ids of the file. Other catalogues
    get batches with new ids, so that an interrupted import can be repeated.

    Raises:
        DatabaseUnavailable: The database failed; batches committed before stay.
    """
    movie_import = _Import(LineReport(), on_error, advance)
    with database.unit_of_work(is_read_only=True) as uow:
        is_empty = not uow.movies.list(MovieQuery(limit=1)).movies
    if is_empty:
        movie_import.fill(database, file)
    else:
        movie_import.add(database, file)
    return movie_import.report


@dataclass(slots=True)
class _Import:
    report: LineReport
    on_error: OnError
    advance: Advance

    def fill(self, database: Database, file: BinaryIO) -> None:
        """Add all movies in one transaction with the ids of their lines.

        Ids have to ascend, and to exceed every id that the catalogue ever assigned. A line without
        an id gets the next one.
        """
        seen: set[tuple[str, int | None]] = set()
        with database.bulk_load() as load:
            next_id = load.next_id
            for batch in self._batches(file):
                ids, movies = [], []
                for number, movie in batch:
                    facts = movie.to_facts()
                    if (identity := _identity(facts)) in seen:
                        self.report.known += 1
                    elif movie.id is not None and movie.id < next_id:
                        self._reject(number, "id: must be greater than all preceding ids")
                    else:
                        seen.add(identity)
                        ids.append(movie.id or next_id)
                        movies.append(facts)
                        next_id = ids[-1] + 1
                load.add_many(movies, ids)
                self.report.added += len(movies)

    def add(self, database: Database, file: BinaryIO) -> None:
        """Add missing movies in batches, with new ids."""
        for batch in self._batches(file):
            new: dict[tuple[str, int | None], MovieFacts] = {}
            with database.unit_of_work() as uow:
                for _number, movie in batch:
                    facts = movie.to_facts()
                    if not _exists(uow, facts):
                        new.setdefault(_identity(facts), facts)
                if new:
                    uow.movies.add_many(list(new.values()))
                    uow.commit()
            self.report.added += len(new)
            self.report.known += len(batch) - len(new)

    def _batches(self, file: BinaryIO) -> Iterator[list[tuple[int, MovieDocument]]]:
        """Yield batches of line numbers and movies."""
        batch: list[tuple[int, MovieDocument]] = []
        number = 0
        for number, line in enumerate(_lines(file), 1):
            if movie := self._parse(number, line):
                batch.append((number, movie))
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
            return MovieDocument.model_validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(map(str, first["loc"]))
            message = first["msg"].removeprefix("Value error, ")
            self._reject(number, f"{field}: {message}" if field else message)
            return None

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


def _identity(facts: MovieFacts) -> tuple[str, int | None]:
    return (match_key(facts.title), facts.year) if facts.imdb_id is None else (facts.imdb_id, None)


def _exists(uow: UnitOfWork, facts: MovieFacts) -> bool:
    if facts.imdb_id is not None:
        return uow.movies.find_by_imdb_id(facts.imdb_id) is not None
    same_title = uow.movies.find_by_title(facts.title, facts.year)
    return bool(same_title)
