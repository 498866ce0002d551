"""Films as lines of JSON, as `GET /movies/{id}` gives them: written, and read back."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from pydantic import ValidationError

from common.cli.progress import Advance
from common.text import match_key
from data_fetcher.movie_json.document import FilmJson
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_query import MovieQuery, MovieSort
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory

LINE_MAX_BYTES = 1_048_576
"""A longer line is no film."""

_FILMS_AT_ONCE = 500
OnFault = Callable[[int, str], None]
"""Is told the number of a line, from 1, and what is wrong with it."""


@dataclass(slots=True)
class LineReport:
    """What came of the lines that were read."""

    added: int = 0
    known: int = 0
    """They were in the catalogue before, or came twice."""
    faults: int = 0


def export_films(unit_of_work: UnitOfWorkFactory, file: BinaryIO, advance: Advance) -> int:
    """Write each film as a line, by id, and return how many there were.

    Films that come or go meanwhile are in it or not; each one is whole, and there once.
    """
    query = MovieQuery(sort=MovieSort("id"), limit=_FILMS_AT_ONCE, counts_total=True)
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


def import_films(
    database: Database, file: BinaryIO, on_fault: OnFault, advance: Advance
) -> LineReport:
    """Add the films of these lines that are not there.

    A film is there if its IMDb id is, or, where it has none, its title and year. Into a catalogue
    that never had a film all films come in one transaction, with the ids that they have; else
    many at once, under new ids, so that an import that was stopped can be repeated.

    Raises:
        DatabaseUnavailable: the transactions before stay.
    """
    importing = _Import(LineReport(), on_fault, advance)
    with database.unit_of_work(is_read_only=True) as uow:
        is_empty = not uow.movies.list(MovieQuery(limit=1)).movies
    if is_empty:
        importing.fill(database, file)
    else:
        importing.add(database, file)
    return importing.report


@dataclass(slots=True)
class _Import:
    report: LineReport
    on_fault: OnFault
    advance: Advance

    def fill(self, database: Database, file: BinaryIO) -> None:
        """Take the ids of the lines, as long as they rise; what has none gets the next one."""
        seen: set[tuple[str, int | None]] = set()
        with database.bulk_load() as load:
            next_id = load.next_id
            for batch in self._batches(file):
                ids, films = [], []
                for number, film in batch:
                    facts = film.to_facts()
                    if (identity := _identity(facts)) in seen:
                        self.report.known += 1
                    elif film.id is not None and film.id < next_id:
                        self._refuse(number, "id: it must be larger than the ones before")
                    else:
                        seen.add(identity)
                        ids.append(film.id or next_id)
                        films.append(facts)
                        next_id = ids[-1] + 1
                load.add_many(films, ids)
                self.report.added += len(films)

    def add(self, database: Database, file: BinaryIO) -> None:
        """Add what is not there, under new ids."""
        for batch in self._batches(file):
            new: dict[tuple[str, int | None], MovieFacts] = {}
            with database.unit_of_work() as uow:
                for _number, film in batch:
                    facts = film.to_facts()
                    if not _is_known(uow, facts):
                        new.setdefault(_identity(facts), facts)
                if new:
                    uow.movies.add_many(list(new.values()))
                    uow.commit()
            self.report.added += len(new)
            self.report.known += len(batch) - len(new)

    def _batches(self, file: BinaryIO) -> Iterator[list[tuple[int, FilmJson]]]:
        """Yield the films with the numbers of their lines, some hundreds at once."""
        batch: list[tuple[int, FilmJson]] = []
        number = 0
        for number, line in enumerate(_lines(file), 1):
            if film := self._read(number, line):
                batch.append((number, film))
            if len(batch) == _FILMS_AT_ONCE:
                yield batch
                batch = []
                self.advance(number, None)
        if batch:
            yield batch
        self.advance(number, number)

    def _read(self, number: int, line: bytes) -> FilmJson | None:
        if not line.strip():
            return None
        if len(line) > LINE_MAX_BYTES:
            self._refuse(number, f"it is longer than {LINE_MAX_BYTES} bytes")
            return None
        try:
            return FilmJson.model_validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            message = first["msg"].removeprefix("Value error, ")
            self._refuse(number, f"{place}: {message}" if place else message)
            return None

    def _refuse(self, number: int, message: str) -> None:
        self.report.faults += 1
        self.on_fault(number, f"{message}.")


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines; of one that is too long no more than shows that it is."""
    while line := file.readline(LINE_MAX_BYTES + 1):
        rest = line
        while len(rest) > LINE_MAX_BYTES and not rest.endswith(b"\n"):
            rest = file.readline(LINE_MAX_BYTES + 1)
        yield line


def _identity(facts: MovieFacts) -> tuple[str, int | None]:
    return (match_key(facts.title), facts.year) if facts.imdb_id is None else (facts.imdb_id, None)


def _is_known(uow: UnitOfWork, facts: MovieFacts) -> bool:
    if facts.imdb_id is not None:
        return uow.movies.find_by_imdb_id(facts.imdb_id) is not None
    namesakes = uow.movies.find_by_title(facts.title, facts.year)
    return bool(namesakes)
