"""Import of IMDb's data sets: bulk load of new movies, update of existing ones, resumable."""

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from common.batches import batched
from common.cli.progress import Advance
from data_fetcher.imdb.data_sets import BASICS
from data_fetcher.imdb.files import DataSetFiles
from data_fetcher.imdb.line_errors import LineErrors
from data_fetcher.imdb.movie_reader import MovieBatch
from data_fetcher.imdb.prefetch import prefetch_batches
from data_fetcher.imdb.selection import Selection
from data_layer.database import Database
from data_layer.entities.import_checkpoint import ImportCheckpoint
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_query import MovieQuery
from data_layer.entities.movie_serialization import parse_facts
from data_layer.ports.bulk_load import BulkLoad

LOADED_MIN, LOADED_MAX = 500_000, 2_000_000
"""Number of new movies per bulk load.

Indexes are rebuilt after each load, so loads double in size; the maximum limits the work that an
interruption discards.
"""

FILLED_MAX = 200_000
"""Size of a catalogue above which no bulk load is used: rebuilding its indexes would cost more.

New movies are then inserted in batches of a thousand.
"""

UPDATED_AT_ONCE = 5_000
"""Number of existing movies to update after which a bulk load ends."""

_IDS_AT_ONCE = 1_000
_IMDB_FIELDS = (
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
"""Fields that IMDb's data sets contain."""


@dataclass(slots=True)
class ImportReport:
    """Results of an import."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    errors: LineErrors = field(default_factory=LineErrors)
    """Lines that were skipped."""

    @property
    def movies(self) -> int:
        """Total number of imported movies."""
        return self.added + self.changed + self.unchanged


@dataclass(slots=True)
class ImdbImport:
    """Resumable import of the data sets into a catalogue.

    Args:
        prepare: Receives the progress of the preparation, in bytes.
        advance: Receives the progress of the import, in bytes of title.basics.
    """

    database: Database
    files: DataSetFiles
    selection: Selection
    staging: Path
    prepare: Advance
    advance: Advance
    report: ImportReport = field(default_factory=ImportReport)

    def run(self) -> ImportReport:
        """Store all selected titles, and commit repeatedly; resume after the last checkpoint.

        Existing movies, found by IMDb id, are updated with the fields of the data sets and keep
        their other fields.

        Raises:
            InvalidInput: A file is damaged.
            DatabaseUnavailable: Committed movies stay, and the next run resumes after them.
        """
        started = self._find_checkpoint()
        is_bulk_load = (
            self._count_movies() <= FILLED_MAX
            if started is None
            else started.import_key == self._checkpoint_key()
        )
        key = self._checkpoint_key(is_bulk_load=is_bulk_load)
        batches = prefetch_batches(
            self.files,
            self.selection,
            staging=self.staging,
            errors=self.report.errors,
            after=None if started is None else started.last_item,
            advance=self.prepare,
        )
        with closing(batches):
            for batch in batches:
                last = batch
                if is_bulk_load and not self._are_mostly_stored(batch.movies):
                    last = self._load(batch, batches)
                else:
                    self._store(batch.movies)
                self._save_checkpoint(key, last)
        with self.database.unit_of_work() as uow:
            uow.import_checkpoints.remove(key)
            uow.commit()
        return self.report

    def _find_checkpoint(self) -> ImportCheckpoint | None:
        """Return the checkpoint of an interrupted import, with or without bulk loads, or `None`."""
        with self.database.unit_of_work(is_read_only=True) as uow:
            checkpoint = uow.import_checkpoints.find(self._checkpoint_key())
            return checkpoint or uow.import_checkpoints.find(
                self._checkpoint_key(is_bulk_load=False)
            )

    def _count_movies(self) -> int:
        with self.database.unit_of_work(is_read_only=True) as uow:
            return uow.movies.list(MovieQuery(limit=1, counts_total=True)).total or 0

    def _are_mostly_stored(self, movies: Sequence[MovieFacts]) -> bool:
        """Return whether at least half of the movies are in the catalogue."""
        with self.database.unit_of_work(is_read_only=True) as uow:
            existing = uow.movies.find_many_by_imdb_id([facts.imdb_id or "" for facts in movies])
        return 2 * len(existing) >= len(movies)

    def _load(self, first: MovieBatch, batches: Iterator[MovieBatch]) -> MovieBatch:
        """Store batches in one bulk load until it is full, and return the last of them; commits."""
        capacity = min(max(LOADED_MIN, self.report.added), LOADED_MAX)
        loaded, pending = 0, list[MovieFacts]()
        batch: MovieBatch | None = first
        with self.database.bulk_load() as load:
            while batch is not None:
                last = batch
                loaded += _add_new(load, batch.movies, pending)
                self.advance(batch.position.bytes_read, batch.position.bytes_total)
                is_full = loaded >= capacity or len(pending) >= UPDATED_AT_ONCE
                batch = None if is_full else next(batches, None)
        self.report.added += loaded
        self._store(pending)
        return last

    def _store(self, movies: Sequence[MovieFacts]) -> None:
        """Add or update movies; commits after every thousand."""
        for part in batched(movies, _IDS_AT_ONCE):
            by_imdb_id = {facts.imdb_id or "": facts for facts in part}
            with self.database.unit_of_work() as uow:
                stored = uow.movies.find_many_by_imdb_id(by_imdb_id)
                changes = {}
                for imdb_id, movie in stored.items():
                    before = parse_facts(movie.document)
                    if (after := _merge(before, by_imdb_id[imdb_id])) != before:
                        changes[movie.id] = before, after
                new = [facts for imdb_id, facts in by_imdb_id.items() if imdb_id not in stored]
                if changes:
                    uow.movies.update_many(changes)
                if new:
                    uow.movies.add_many(new)
                uow.commit()
            self.report.added += len(new)
            self.report.changed += len(changes)
            self.report.unchanged += len(stored) - len(changes)

    def _save_checkpoint(self, key: bytes, batch: MovieBatch) -> None:
        with self.database.unit_of_work() as uow:
            uow.import_checkpoints.put(ImportCheckpoint(key, batch.position.after))
            uow.commit()
        self.advance(batch.position.bytes_read, batch.position.bytes_total)

    def _checkpoint_key(self, *, is_bulk_load: bool = True) -> bytes:
        """Return a hash that identifies an import: of its file, selection and way of storing."""
        stat = self.files.paths[BASICS.name].stat()
        chosen = self.selection
        identity = (
            *(stat.st_size, stat.st_mtime_ns, sorted(chosen.types), chosen.min_votes),
            *(chosen.since, chosen.until, chosen.includes_adult, is_bulk_load),
        )
        return hashlib.sha256(repr(identity).encode()).digest()


def _add_new(load: BulkLoad, movies: Sequence[MovieFacts], pending: list[MovieFacts]) -> int:
    """Load the new movies, and return their number; append the existing ones to `pending`."""
    existing = load.find_existing([facts.imdb_id or "" for facts in movies])
    new = [facts for facts in movies if facts.imdb_id not in existing]
    pending += [facts for facts in movies if facts.imdb_id in existing]
    load.add_many(new)
    return len(new)


def _merge(stored: MovieFacts, imdb_facts: MovieFacts) -> MovieFacts:
    """Return a movie with the fields of IMDb replaced, unless IMDb has no value for them."""
    values = {name: getattr(imdb_facts, name) for name in _IMDB_FIELDS}
    return dataclasses.replace(
        stored, **{name: value for name, value in values.items() if value not in (None, ())}
    )
