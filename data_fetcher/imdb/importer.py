"""IMDb's data sets, stored: new films in bulk, known ones updated, and resumed where it stopped."""

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from common.batches import chunks
from common.cli.progress import Advance
from data_fetcher.imdb.data_sets import BASICS
from data_fetcher.imdb.files import DataSetFiles
from data_fetcher.imdb.line_errors import LineFaults
from data_fetcher.imdb.movie_reader import FilmBatch
from data_fetcher.imdb.prefetch import read_ahead
from data_fetcher.imdb.selection import Selection
from data_layer.database import Database
from data_layer.entities.import_checkpoint import ImportPosition
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_document import movie_facts
from data_layer.entities.movie_query import MovieQuery
from data_layer.ports.bulk_load import BulkLoad

LOADED_MIN, LOADED_MAX = 500_000, 2_000_000
"""How many new films share a bulk load: the indexes are made anew behind each, so that a load is
as large as all before together. What a stop throws away is bounded all the same."""

FILLED_MAX = 200_000
"""A catalogue that has more films before is not filled: new films go in by the thousand, and the
indexes stay."""

UPDATED_AT_ONCE = 5_000
"""How many films that are known wait for the end of a bulk load."""

_IDS_AT_ONCE = 1_000
_SAID = (
    "title",
    "year",
    "end_year",
    "type",
    "runtime_minutes",
    "genres",
    "directors",
    "writers",
    "cast",
    "imdb_rating",
    "imdb_votes",
)
"""What IMDb's data sets say of a film."""


@dataclass(slots=True)
class ImportReport:
    """What was stored."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    faults: LineFaults = field(default_factory=LineFaults)
    """Lines that were left out."""

    @property
    def films(self) -> int:
        """How many there were."""
        return self.added + self.changed + self.unchanged


@dataclass(slots=True)
class ImdbImport:
    """Stores the films of the data sets.

    Args:
        database: the catalogue.
        files: that `find_files` has found.
        selection: which titles become films.
        staging: a folder for temporary files.
        prepare: is told how far the preparation is, in bytes.
        advance: is told how far the import is, in bytes of title.basics.
    """

    database: Database
    files: DataSetFiles
    selection: Selection
    staging: Path
    prepare: Advance
    advance: Advance
    report: ImportReport = field(default_factory=ImportReport)

    def run(self) -> ImportReport:
        """Store every film that is selected; what was stored before a stop is not stored again.

        Films that are there, by their IMDb id, get what IMDb says of them, and keep the rest.

        Raises:
            InvalidInput: a file is damaged.
            DatabaseUnavailable: what was stored stays, and the next run goes on from there.
        """
        begun = self._begun()
        is_filling = (
            self._films() <= FILLED_MAX if begun is None else begun.import_key == self._key()
        )
        key = self._key(is_filling=is_filling)
        batches = read_ahead(
            self.files,
            self.selection,
            staging=self.staging,
            faults=self.report.faults,
            after=None if begun is None else begun.after,
            advance=self.prepare,
        )
        with closing(batches):
            for batch in batches:
                last = batch
                if is_filling and not self._are_known(batch.films):
                    last = self._load(batch, batches)
                else:
                    self._put(batch.films)
                self._keep(key, last)
        with self.database.unit_of_work() as uow:
            uow.import_positions.remove(key)
            uow.commit()
        return self.report

    def _begun(self) -> ImportPosition | None:
        """Return how far this import was when it was stopped, in whichever way it went on."""
        with self.database.unit_of_work(is_read_only=True) as uow:
            filling = uow.import_positions.find(self._key())
            return filling or uow.import_positions.find(self._key(is_filling=False))

    def _films(self) -> int:
        with self.database.unit_of_work(is_read_only=True) as uow:
            return uow.movies.list(MovieQuery(limit=1, counts_total=True)).total or 0

    def _are_known(self, films: Sequence[MovieFacts]) -> bool:
        """Tell whether at least half of the films are in the catalogue."""
        with self.database.unit_of_work(is_read_only=True) as uow:
            known = uow.movies.find_many_by_imdb_id([facts.imdb_id or "" for facts in films])
        return 2 * len(known) >= len(films)

    def _load(self, first: FilmBatch, batches: Iterator[FilmBatch]) -> FilmBatch:
        """Store many films at once, and return the last batch of them."""
        room = min(max(LOADED_MIN, self.report.added), LOADED_MAX)
        loaded, waiting = 0, list[MovieFacts]()
        batch: FilmBatch | None = first
        with self.database.bulk_load() as load:
            while batch is not None:
                last = batch
                loaded += _add_new(load, batch.films, waiting)
                self.advance(batch.position.bytes_read, batch.position.bytes_total)
                is_full = loaded >= room or len(waiting) >= UPDATED_AT_ONCE
                batch = None if is_full else next(batches, None)
        self.report.added += loaded
        self._put(waiting)
        return last

    def _put(self, films: Sequence[MovieFacts]) -> None:
        """Add films or change them; commits by the thousand."""
        for part in chunks(films, _IDS_AT_ONCE):
            some = {facts.imdb_id or "": facts for facts in part}
            with self.database.unit_of_work() as uow:
                stored = uow.movies.find_many_by_imdb_id(some)
                changes = {}
                for imdb_id, movie in stored.items():
                    before = movie_facts(movie.document)
                    if (after := _with(before, some[imdb_id])) != before:
                        changes[movie.id] = before, after
                new = [facts for imdb_id, facts in some.items() if imdb_id not in stored]
                if changes:
                    uow.movies.update_many(changes)
                if new:
                    uow.movies.add_many(new)
                uow.commit()
            self.report.added += len(new)
            self.report.changed += len(changes)
            self.report.unchanged += len(stored) - len(changes)

    def _keep(self, key: bytes, batch: FilmBatch) -> None:
        with self.database.unit_of_work() as uow:
            uow.import_positions.put(ImportPosition(key, batch.position.after))
            uow.commit()
        self.advance(batch.position.bytes_read, batch.position.bytes_total)

    def _key(self, *, is_filling: bool = True) -> bytes:
        """Return what tells this import from others: the file, what is selected of it, and how."""
        stat = self.files.paths[BASICS.name].stat()
        chosen = self.selection
        said = (stat.st_size, stat.st_mtime_ns, sorted(chosen.types), chosen.min_votes)
        more = (chosen.since, chosen.until, chosen.includes_adult, is_filling)
        return hashlib.sha256(repr(said + more).encode()).digest()


def _add_new(load: BulkLoad, films: Sequence[MovieFacts], waiting: list[MovieFacts]) -> int:
    """Load the films that are new, and return how many; let the others wait."""
    known = load.known([facts.imdb_id or "" for facts in films])
    new = [facts for facts in films if facts.imdb_id not in known]
    waiting += [facts for facts in films if facts.imdb_id in known]
    load.add_many(new)
    return len(new)


def _with(known: MovieFacts, said: MovieFacts) -> MovieFacts:
    """Return a film with what IMDb says of it; what IMDb does not know stays."""
    news = {name: getattr(said, name) for name in _SAID}
    return dataclasses.replace(
        known, **{name: value for name, value in news.items() if value not in (None, ())}
    )
