"""Application of movie updates in batches: last write wins, by the time of the update."""

import dataclasses
import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from common.text import match_key
from data_fetcher.ingest.movie_update import MovieUpdate
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_serialization import parse_facts
from data_layer.entities.update_watermark import UpdateWatermark
from data_layer.ports.movies import Title
from data_layer.ports.unit_of_work import UnitOfWork

SAME_TITLE_MAX = 20
"""Titles shared by more movies than this are always ambiguous."""


class Effect(Enum):
    """Effect of an update on the catalogue."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    """All values were stored already, or a movie to be deleted does not exist."""
    STALE = "stale"
    """A newer update was applied to the movie before."""
    REMOVED = "removed"


class UpdateRejected(Exception):
    """An update cannot be applied.

    Args:
        field: The name of the field in error.
        message: The reason, and what was expected.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


TimestampedUpdate = tuple[MovieUpdate, dt.datetime]
"""An update, and the time that decides between updates of one movie, in UTC."""


@dataclass(slots=True, eq=False)
class _TrackedMovie:
    """State of a movie during a batch.

    Args:
        id: In the catalogue; `None` for a new movie.
        before: The stored facts; `None` for a new movie.
        now: The facts after the updates so far; `None` after a deletion.
    """

    id: int | None
    before: MovieFacts | None
    now: MovieFacts | None


@dataclass(slots=True)
class UpdateApplier:
    """Applies a batch of updates; reads and writes all affected movies together.

    Updates identify their movie by IMDb id or by title. The watermark of such a key is the time
    of its newest update. It outlives the movie as a tombstone, so that older updates do not
    restore a deleted movie.

    Args:
        uow: The transaction; the caller commits it.
    """

    uow: UnitOfWork
    _movies: list[_TrackedMovie] = field(default_factory=list)
    _by_imdb_id: dict[str, _TrackedMovie] = field(default_factory=dict)
    _by_title: defaultdict[Title, list[_TrackedMovie]] = field(
        default_factory=lambda: defaultdict(list)
    )
    _watermarks: dict[bytes, dt.datetime] = field(default_factory=dict)
    _looked_up: set[bytes] = field(default_factory=set)
    """Keys that were looked up; `_stored_watermarks` contains those that have a watermark."""
    _stored_watermarks: set[bytes] = field(default_factory=set)
    _new_watermarks: dict[bytes, dt.datetime] = field(default_factory=dict)

    def run(self, updates: Sequence[TimestampedUpdate]) -> list[Effect | UpdateRejected]:
        """Apply the updates in their order, and return the effect of each; does not commit."""
        self._read([update for update, _timestamp in updates])
        effects = [self._try(update, timestamp) for update, timestamp in updates]
        self._write()
        return effects

    def _read(self, updates: Sequence[MovieUpdate]) -> None:
        """Read the movies and watermarks that the updates refer to."""
        movies = self.uow.movies
        imdb_ids = {update.imdb_id for update in updates if update.imdb_id is not None}
        titles = {update.title for update in updates if update.imdb_id is None}
        stored = {movie.id: movie for movie in movies.find_many_by_imdb_id(imdb_ids).values()}
        same_title = movies.find_many_by_title(titles)
        movie_ids = {each for ids in same_title.values() for each in ids[:SAME_TITLE_MAX]}
        stored |= movies.get_many(movie_ids - stored.keys())
        for movie in stored.values():
            facts = parse_facts(movie.document)
            self._track(_TrackedMovie(movie.id, facts, facts), facts)
        keys = {_imdb_key(imdb_id) for imdb_id in imdb_ids}
        keys.update(map(_title_key, titles))
        keys.update(_key_of(movie.now) for movie in self._movies if movie.now is not None)
        self._watermarks.update(self.uow.update_watermarks.find_many(keys))
        self._looked_up = keys
        self._stored_watermarks = set(self._watermarks)

    def _try(self, update: MovieUpdate, timestamp: dt.datetime) -> Effect | UpdateRejected:
        try:
            return self._apply(update, timestamp)
        except UpdateRejected as rejection:
            return rejection

    def _apply(self, update: MovieUpdate, timestamp: dt.datetime) -> Effect:
        movie = self._find(update)
        current = None if movie is None else movie.now
        key = _identifying_key(update) if current is None else _key_of(current)
        if key in self._watermarks and timestamp < self._watermarks[key]:
            return Effect.STALE
        if movie is None or current is None:
            return (
                self._record_tombstone(key, timestamp)
                if update.is_deleted
                else self._add(update, timestamp)
            )
        if update.is_deleted:
            return self._remove(movie, current, timestamp)
        return self._change(
            movie, current, dataclasses.replace(current, **update.values), timestamp
        )

    def _find(self, update: MovieUpdate) -> _TrackedMovie | None:
        """Return the movie that the update identifies; `None` if it does not exist.

        Raises:
            UpdateRejected: Several movies have the title.
        """
        if update.imdb_id is not None:
            return self._by_imdb_id.get(update.imdb_id)
        same_title = self._by_title[update.title]
        if len(same_title) > 1:
            raise UpdateRejected("title", "Several movies have this title: pass `imdb_id`.")
        return same_title[0] if same_title else None

    def _add(self, update: MovieUpdate, timestamp: dt.datetime) -> Effect:
        if "title" not in update.values:
            raise UpdateRejected(
                "title", "No movie has this `imdb_id`: adding one requires `title`."
            )
        facts = update.to_facts()
        self._track(_TrackedMovie(None, None, facts), facts)
        self._set_watermark([_key_of(facts)], timestamp)
        return Effect.ADDED

    def _change(
        self, movie: _TrackedMovie, current: MovieFacts, changed: MovieFacts, timestamp: dt.datetime
    ) -> Effect:
        self._set_watermark({_key_of(current), _key_of(changed)}, timestamp)
        if changed == current:
            return Effect.UNCHANGED
        self._unindex(movie, current)
        movie.now = changed
        self._index(movie, changed)
        return Effect.CHANGED

    def _remove(self, movie: _TrackedMovie, current: MovieFacts, timestamp: dt.datetime) -> Effect:
        self._set_watermark([_key_of(current), *map(_title_key, _titles_of(current))], timestamp)
        self._unindex(movie, current)
        movie.now = None
        return Effect.REMOVED

    def _record_tombstone(self, key: bytes, timestamp: dt.datetime) -> Effect:
        """Set the watermark of a missing movie, so that older updates do not add it later."""
        self._set_watermark([key], timestamp)
        return Effect.UNCHANGED

    def _set_watermark(self, keys: Iterable[bytes], timestamp: dt.datetime) -> None:
        watermarks = dict.fromkeys(keys, timestamp)
        self._watermarks |= watermarks
        self._new_watermarks |= watermarks

    def _track(self, movie: _TrackedMovie, facts: MovieFacts) -> None:
        self._movies.append(movie)
        self._index(movie, facts)

    def _index(self, movie: _TrackedMovie, facts: MovieFacts) -> None:
        """Make the movie findable by its IMDb id and its titles."""
        if facts.imdb_id is not None:
            self._by_imdb_id[facts.imdb_id] = movie
        for title in _titles_of(facts):
            self._by_title[title].append(movie)

    def _unindex(self, movie: _TrackedMovie, facts: MovieFacts) -> None:
        if facts.imdb_id is not None:
            del self._by_imdb_id[facts.imdb_id]
        for title in _titles_of(facts):
            self._by_title[title].remove(movie)

    def _write(self) -> None:
        """Store the changed, deleted and new movies, and the new watermarks."""
        movies = self.uow.movies
        removed = [movie.id for movie in self._movies if movie.id is not None and movie.now is None]
        changed = {
            movie.id: (movie.before, movie.now)
            for movie in self._movies
            if movie.id is not None
            and movie.before is not None
            and movie.now is not None
            and movie.before != movie.now
        }
        new = [movie.now for movie in self._movies if movie.id is None and movie.now is not None]
        if removed:
            movies.remove_many(removed)
        if changed:
            movies.update_many(changed)
            # The next refresh from OMDb would overwrite the update.
            self.uow.movie_refreshes.remove_many(changed)
        if new:
            movies.add_many(new)
        self._write_watermarks()

    def _write_watermarks(self) -> None:
        watermarks = self.uow.update_watermarks
        others = watermarks.find_many(self._new_watermarks.keys() - self._looked_up).keys()
        watermarks.remove_many((self._stored_watermarks | others) & self._new_watermarks.keys())
        if self._new_watermarks:
            watermarks.add_many(
                [UpdateWatermark(key, timestamp) for key, timestamp in self._new_watermarks.items()]
            )


def _titles_of(facts: MovieFacts) -> tuple[Title, ...]:
    """Return the title keys that match the movie: any year, and its own year if it has one."""
    key = match_key(facts.title)
    return ((key, None),) if facts.year is None else ((key, None), (key, facts.year))


def _key_of(facts: MovieFacts) -> bytes:
    if facts.imdb_id is not None:
        return _imdb_key(facts.imdb_id)
    return _title_key((match_key(facts.title), facts.year))


def _identifying_key(update: MovieUpdate) -> bytes:
    return _title_key(update.title) if update.imdb_id is None else _imdb_key(update.imdb_id)


def _imdb_key(imdb_id: str) -> bytes:
    return hashlib.sha256(imdb_id.encode()).digest()


def _title_key(title: Title) -> bytes:
    key, year = title
    return hashlib.sha256(f"{key}\n{year}".encode()).digest()
