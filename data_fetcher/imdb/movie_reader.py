"""IMDb's data sets as films: several files read side by side, whatever their size.

What a film has from them: its title, type, year, runtime and genres from title.basics, rating
and votes from title.ratings, directors and writers from title.crew, the cast from
title.principals, and all names from name.basics. IMDb gives no languages, countries or plots.
A film has neither other titles nor a series that it belongs to, so that title.akas and
title.episode are not read.

Memory: about 60 MB, of which half is names; it does not grow with the files. On the disk a
million names need 40 MB, and more only where a file is not in the order of title.basics.

Source: https://developer.imdb.com/non-commercial-datasets/
"""

import re
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
from data_fetcher.imdb.line_errors import LineFaults
from data_fetcher.imdb.name_index import Names
from data_fetcher.imdb.prepared_files import Preparation, Sources
from data_fetcher.imdb.selection import Selection
from data_fetcher.imdb.titles import Title, TitleReader, read_number, read_rating
from data_fetcher.omdb.field_parsers import COUNT_MAX, NAMES_MAX
from data_layer.entities.movie import MovieFacts

FILMS_AT_ONCE = 1_000
BLOCKS_AT_ONCE = 20
"""After so many blocks of title.basics, about 50,000 titles, a batch comes, full or not."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far title.basics has been read."""

    after: str
    """The id of the last title: with it as `after` the next run goes on from here."""
    titles: int
    """How many titles there were up to here, selected or not, since the beginning of the file."""
    bytes_read: int
    """Of `bytes_total`, some thousand titles ahead; all of a file that had to be sorted."""
    bytes_total: int
    """The size of the file on the disk."""


@dataclass(frozen=True, slots=True)
class FilmBatch:
    """Films in the order of title.basics, and what has been read when they are stored."""

    films: Sequence[MovieFacts]
    """A thousand at most; none, where none of many titles was selected."""
    position: Position


def film_batches(
    files: DataSetFiles,
    selection: Selection,
    *,
    staging: Path,
    faults: LineFaults,
    after: str | None = None,
    advance: Advance = lambda _done, _total: None,
) -> Generator[FilmBatch, None, None]:
    """Yield the titles that are selected as films, in the order of title.basics.

    Nothing is yielded before all files were looked through and names were copied. If title.basics
    is in no order, its titles come in the order of their ids as texts.

    Args:
        files: what `find_files` has found.
        selection: says which titles.
        staging: a folder on a disk. One is made in it, and removed when this ends or is closed.
        faults: are told of lines that are left out.
        after: the id of the last title that is not wanted any more.
        advance: is told how much of the preparation is done, in bytes of all files.

    Raises:
        InvalidInput: a file is damaged or has not the columns of IMDb's; votes are asked for,
            and there are no ratings; `after` is no id; there is no room in `staging`.
    """
    if selection.min_votes and RATINGS.name not in files.paths:
        raise InvalidInput(f"Votes are known from {RATINGS.name}{SUFFIX}, which is not there.")
    if after is not None and not re.fullmatch(r"tt[0-9]{7,16}", after):
        raise InvalidInput("A title's id begins with tt, and has 7 digits or more.", field="after")
    try:
        with TemporaryDirectory(prefix="imdb-", dir=staging) as folder:
            preparation = Preparation(files, Path(folder), faults, advance)
            with closing(Names(Path(folder) / "names.db")) as names:
                sources = preparation.run(names)
                yield from _Join(sources, selection, faults).batches(after)
    except (OSError, sqlite3.Error):
        raise InvalidInput("The folder for staging can't be written to, or is full.") from None


class _Join:
    def __init__(self, sources: Sources, selection: Selection, faults: LineFaults) -> None:
        self._sources, self._selection = sources, selection
        self._reader = TitleReader(sources.basics, selection, faults)
        self._credits = CreditReader(sources.crew, sources.principals, faults)

    def batches(self, after: str | None) -> Iterator[FilmBatch]:
        order = self._sources.order
        behind = order((after or "").encode())
        waiting: list[Title] = []
        blocks, last, told = 0, b"", b""
        for block in self._sources.blocks:
            start = bisect_right(block.ids, behind, key=order)
            titles = list(self._reader.read(block, start))
            if start == len(block.ids):
                continue
            last = block.ids[-1]
            waiting += self._voted(titles, last)
            blocks += 1
            while len(waiting) >= FILMS_AT_ONCE:
                batch, waiting = waiting[:FILMS_AT_ONCE], waiting[FILMS_AT_ONCE:]
                blocks, told = 0, batch[-1].id
                yield self._batch(batch, told, batch[-1].place)
            if blocks >= BLOCKS_AT_ONCE:
                yield self._batch(waiting, last, self._reader.count)
                waiting, blocks, told = [], 0, last
        if last != told:
            yield self._batch(waiting, last, self._reader.count)

    def _voted(self, titles: list[Title], last: bytes) -> list[Title]:
        """Return those titles that have enough votes, with their ratings."""
        if ratings := self._sources.ratings:
            by_id = {title.id: title for title in titles}
            for _number, (title_id, average, votes) in ratings.of(by_id, last):
                by_id[title_id].imdb_rating = read_rating(average)
                by_id[title_id].imdb_votes = read_number(votes, 0, COUNT_MAX)
        least = self._selection.min_votes
        return [title for title in titles if (title.imdb_votes or 0) >= least]

    def _batch(self, titles: list[Title], last: bytes, place: int) -> FilmBatch:
        found, people = self._credits.read([title.id for title in titles], last)
        names = self._sources.names.of(people)
        films = [_film(title, found[title.id], names) for title in titles]
        basics = self._sources.basics
        position = Position(last.decode(), place, basics.bytes_read, basics.bytes_total)
        return FilmBatch(films, position)


def _film(title: Title, people: Credits, names: Mapping[int, str]) -> MovieFacts:
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
    """Return the names of those who have one, each once."""
    known = [name for person in people if (name := names.get(person))]
    return tuple(dict.fromkeys(known))[:NAMES_MAX] if len(known) > 1 else tuple(known)
