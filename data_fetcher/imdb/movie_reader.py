"""Merge join of IMDb's data sets into movies.

A movie has its title, type, years, runtime and genres from title.basics, its rating and votes
from title.ratings, directors and writers from title.crew, the cast from title.principals, and all
names from name.basics. The data sets contain no languages, countries or plots. title.akas and
title.episode are not read, since movies have neither alternative titles nor a parent series.

Memory: about 60 MB, half of it for names, independent of the size of the files. Disk: 40 MB for
a million names; more only if a file is not sorted like title.basics.

Source: https://developer.imdb.com/non-commercial-datasets/
"""

import sqlite3
from bisect import bisect_right
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from common.cli.progress import Advance
from common.errors import InvalidInput
from data_fetcher.imdb.credits import CreditReader, Credits
from data_fetcher.imdb.data_sets import RATINGS, SUFFIX
from data_fetcher.imdb.files import DataSetFiles
from data_fetcher.imdb.line_errors import LineErrors
from data_fetcher.imdb.name_index import NameIndex
from data_fetcher.imdb.prepared_files import FilePreparation, PreparedFiles
from data_fetcher.imdb.selection import Selection
from data_fetcher.imdb.titles import Title, TitleReader, parse_number, parse_rating
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_fields import COUNT_MAX, NAMES_MAX, is_imdb_id

BATCH_MOVIES = 1_000
"""Maximum number of movies per batch."""
BLOCKS_AT_ONCE = 20
"""Number of blocks of title.basics, about 50,000 titles, after which a partial batch is yielded."""


@dataclass(frozen=True, slots=True)
class ReadPosition:
    """Progress in title.basics."""

    after: str
    """Id of the last title that was read; pass it as `after` to resume."""
    titles: int
    """Number of titles up to here, selected or not, from the beginning of the file."""
    bytes_read: int
    """Of `bytes_total`; some thousand titles ahead, and all of a file that had to be sorted."""
    bytes_total: int
    """Size of the file on disk."""


@dataclass(frozen=True, slots=True)
class MovieBatch:
    """Movies in the order of title.basics, and the position after them."""

    movies: Sequence[MovieFacts]
    """At most `BATCH_MOVIES`; empty if many titles were read and none was selected."""
    position: ReadPosition


def read_movie_batches(
    files: DataSetFiles,
    selection: Selection,
    *,
    staging: Path,
    errors: LineErrors,
    after: str | None = None,
    advance: Advance = lambda _done, _total: None,
) -> Generator[MovieBatch, None, None]:
    """Yield the selected titles as movies, in the order of title.basics.

    All files are read once, and the names are copied to a database, before the first batch. If
    title.basics is not sorted, titles are yielded in the order of their ids as text.

    Args:
        files: The result of `find_data_sets`.
        selection: The titles to yield.
        staging: Folder on disk. A temporary folder in it is deleted when the generator ends or is
            closed.
        errors: Receives the lines that are skipped.
        after: Id of a title; only titles after it are yielded.
        advance: Receives the progress of the preparation, in bytes of all files.

    Raises:
        InvalidInput: A file is damaged or lacks a column; a minimum of votes is set and
            title.ratings is missing; `after` is not an id; `staging` is not writable or full.
    """
    if selection.min_votes and RATINGS.name not in files.paths:
        raise InvalidInput(f"A minimum of votes requires {RATINGS.name}{SUFFIX}: file not found.")
    if after is not None and not is_imdb_id(after):
        raise InvalidInput("A title id consists of tt and 7 to 16 digits.", field="after")
    try:
        with TemporaryDirectory(prefix="imdb-", dir=staging) as folder:
            preparation = FilePreparation(files, Path(folder), errors, advance)
            with closing(NameIndex(Path(folder) / "names.db")) as names:
                sources = preparation.run(names)
                yield from _MergeJoin(sources, selection, errors).batches(after)
    except (OSError, sqlite3.Error):
        raise InvalidInput("The staging folder is not writable or is full.") from None


class _MergeJoin:
    def __init__(self, sources: PreparedFiles, selection: Selection, errors: LineErrors) -> None:
        self._sources, self._selection = sources, selection
        self._reader = TitleReader(sources.basics, selection, errors)
        self._credits = CreditReader(sources.crew, sources.principals, errors)

    def batches(self, after: str | None) -> Iterator[MovieBatch]:
        order = self._sources.order
        start_key = order((after or "").encode())
        pending: list[Title] = []
        blocks, last, reported = 0, b"", b""
        for block in self._sources.blocks:
            start = bisect_right(block.ids, start_key, key=order)
            titles = list(self._reader.read(block, start))
            if start == len(block.ids):
                continue
            last = block.ids[-1]
            pending += self._with_enough_votes(titles, last)
            blocks += 1
            while len(pending) >= BATCH_MOVIES:
                batch, pending = pending[:BATCH_MOVIES], pending[BATCH_MOVIES:]
                blocks, reported = 0, batch[-1].id
                yield self._batch(batch, reported, batch[-1].ordinal)
            if blocks >= BLOCKS_AT_ONCE:
                yield self._batch(pending, last, self._reader.count)
                pending, blocks, reported = [], 0, last
        if last != reported:
            yield self._batch(pending, last, self._reader.count)

    def _with_enough_votes(self, titles: list[Title], last: bytes) -> list[Title]:
        """Fill in the ratings, and return the titles that have enough votes."""
        if ratings := self._sources.ratings:
            by_id = {title.id: title for title in titles}
            for _number, (title_id, average, votes) in ratings.read(by_id, last):
                by_id[title_id].imdb_rating = parse_rating(average)
                by_id[title_id].imdb_votes = parse_number(votes, 0, COUNT_MAX)
        least = self._selection.min_votes
        return [title for title in titles if (title.imdb_votes or 0) >= least]

    def _batch(self, titles: list[Title], last: bytes, count: int) -> MovieBatch:
        credits_by_title, people = self._credits.read([title.id for title in titles], last)
        names = self._sources.names.find_many(people)
        movies = [_movie(title, credits_by_title[title.id], names) for title in titles]
        basics = self._sources.basics
        position = ReadPosition(last.decode(), count, basics.bytes_read, basics.bytes_total)
        return MovieBatch(movies, position)


def _movie(title: Title, people: Credits, names: Mapping[int, str]) -> MovieFacts:
    return MovieFacts(
        title=title.title,
        imdb_id=title.id.decode(),
        year=title.year,
        end_year=title.end_year,
        type=title.type,
        runtime_minutes=title.runtime_minutes,
        genres=title.genres,
        directors=_named(people.directors, names),
        writers=_named(people.writers, names),
        cast=_named(people.cast(), names),
        imdb_rating=title.imdb_rating,
        imdb_votes=title.imdb_votes,
    )


def _named(people: list[int], names: Mapping[int, str]) -> tuple[str, ...]:
    """Return the distinct names of the people; people without a name are omitted."""
    found = [name for person in people if (name := names.get(person))]
    return tuple(dict.fromkeys(found))[:NAMES_MAX] if len(found) > 1 else tuple(found)
