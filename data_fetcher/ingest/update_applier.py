"""Updates of films, applied in their order within one transaction, many at once."""

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
from data_layer.entities.movie_document import movie_facts
from data_layer.entities.update_watermark import MovieMark
from data_layer.ports.movies import Title
from data_layer.ports.unit_of_work import UnitOfWork

NAMESAKES_MAX = 20
"""Of so many films of one title none is meant, whatever other updates do to them."""


class Effect(Enum):
    """What an update has done."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    """It says what is known already, or removes what is not there."""
    LATE = "late"
    """What is known is newer."""
    REMOVED = "removed"


class Refused(Exception):
    """An update can't be applied.

    Args:
        field: that is wrong.
        message: why, and what was expected.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


Dated = tuple[MovieUpdate, dt.datetime]
"""An update, and since when it is true, in UTC."""


@dataclass(slots=True, eq=False)
class _Film:
    """A film as updates leave it.

    Args:
        id: of the catalogue; `None` for a new one.
        before: what was known; `None` for a new one.
        now: what is known; `None` once it is removed.
    """

    id: int | None
    before: MovieFacts | None
    now: MovieFacts | None


@dataclass(slots=True)
class Applying:
    """The films that some updates are about, read together and written together.

    Args:
        uow: of the transaction; the caller commits it.
    """

    uow: UnitOfWork
    _films: list[_Film] = field(default_factory=list)
    _by_imdb_id: dict[str, _Film] = field(default_factory=dict)
    _by_title: defaultdict[Title, list[_Film]] = field(default_factory=lambda: defaultdict(list))
    _marks: dict[bytes, dt.datetime] = field(default_factory=dict)
    _looked_up: set[bytes] = field(default_factory=set)
    """The keys of which is known whether they have a mark; `_stored_marks` has those that do."""
    _stored_marks: set[bytes] = field(default_factory=set)
    _new_marks: dict[bytes, dt.datetime] = field(default_factory=dict)

    def run(self, updates: Sequence[Dated]) -> list[Effect | Refused]:
        """Apply the updates in their order; what came of each stands at its place."""
        self._read([update for update, _since in updates])
        effects = [self._try(update, since) for update, since in updates]
        self._write()
        return effects

    def _read(self, updates: Sequence[MovieUpdate]) -> None:
        """Read the films that the updates name, and since when what is known of them is true."""
        movies = self.uow.movies
        imdb_ids = {update.imdb_id for update in updates if update.imdb_id is not None}
        titles = {update.title for update in updates if update.imdb_id is None}
        stored = {movie.id: movie for movie in movies.find_many_by_imdb_id(imdb_ids).values()}
        namesakes = movies.find_many_by_title(titles)
        few = {each for ids in namesakes.values() for each in ids[:NAMESAKES_MAX]}
        stored |= movies.get_many(few - stored.keys())
        for movie in stored.values():
            facts = movie_facts(movie.document)
            self._know(_Film(movie.id, facts, facts), facts)
        keys = {_imdb_key(imdb_id) for imdb_id in imdb_ids}
        keys.update(map(_title_key, titles))
        keys.update(_key_of(film.now) for film in self._films if film.now is not None)
        self._marks.update(self.uow.movie_marks.find_many(keys))
        self._looked_up = keys
        self._stored_marks = set(self._marks)

    def _try(self, update: MovieUpdate, since: dt.datetime) -> Effect | Refused:
        try:
            return self._apply(update, since)
        except Refused as refusal:
            return refusal

    def _apply(self, update: MovieUpdate, since: dt.datetime) -> Effect:
        film = self._find(update)
        known = None if film is None else film.now
        key = _key_named_by(update) if known is None else _key_of(known)
        if key in self._marks and since < self._marks[key]:
            return Effect.LATE
        if film is None or known is None:
            return self._keep_out(key, since) if update.is_deleted else self._add(update, since)
        if update.is_deleted:
            return self._remove(film, known, since)
        return self._change(film, known, dataclasses.replace(known, **update.values), since)

    def _find(self, update: MovieUpdate) -> _Film | None:
        """Return the film that is meant, if it is there."""
        if update.imdb_id is not None:
            return self._by_imdb_id.get(update.imdb_id)
        namesakes = self._by_title[update.title]
        if len(namesakes) > 1:
            raise Refused("title", "Several films have this title: tell it by `imdb_id`.")
        return namesakes[0] if namesakes else None

    def _add(self, update: MovieUpdate, since: dt.datetime) -> Effect:
        if "title" not in update.values:
            raise Refused("title", "No film has this `imdb_id`, and a new one needs a title.")
        facts = update.to_facts()
        self._know(_Film(None, None, facts), facts)
        self._mark([_key_of(facts)], since)
        return Effect.ADDED

    def _change(
        self, film: _Film, known: MovieFacts, changed: MovieFacts, since: dt.datetime
    ) -> Effect:
        self._mark({_key_of(known), _key_of(changed)}, since)
        if changed == known:
            return Effect.UNCHANGED
        self._unlist(film, known)
        film.now = changed
        self._list(film, changed)
        return Effect.CHANGED

    def _remove(self, film: _Film, known: MovieFacts, since: dt.datetime) -> Effect:
        self._mark([_key_of(known), *map(_title_key, _titles_of(known))], since)
        self._unlist(film, known)
        film.now = None
        return Effect.REMOVED

    def _keep_out(self, key: bytes, since: dt.datetime) -> Effect:
        """Remember that the film is not to be there, for older updates that come later."""
        self._mark([key], since)
        return Effect.UNCHANGED

    def _mark(self, keys: Iterable[bytes], since: dt.datetime) -> None:
        marks = dict.fromkeys(keys, since)
        self._marks |= marks
        self._new_marks |= marks

    def _know(self, film: _Film, facts: MovieFacts) -> None:
        self._films.append(film)
        self._list(film, facts)

    def _list(self, film: _Film, facts: MovieFacts) -> None:
        """Let the film be found by what it is told by."""
        if facts.imdb_id is not None:
            self._by_imdb_id[facts.imdb_id] = film
        for title in _titles_of(facts):
            self._by_title[title].append(film)

    def _unlist(self, film: _Film, facts: MovieFacts) -> None:
        if facts.imdb_id is not None:
            del self._by_imdb_id[facts.imdb_id]
        for title in _titles_of(facts):
            self._by_title[title].remove(film)

    def _write(self) -> None:
        """Store what the films have become, all kinds of changes at once."""
        movies = self.uow.movies
        gone = [film.id for film in self._films if film.id is not None and film.now is None]
        changed = {
            film.id: (film.before, film.now)
            for film in self._films
            if film.id is not None
            and film.before is not None
            and film.now is not None
            and film.before != film.now
        }
        new = [film.now for film in self._films if film.id is None and film.now is not None]
        if gone:
            movies.remove_many(gone)
        if changed:
            movies.update_many(changed)
            # OMDb would take back at the next look what somebody else has said.
            self.uow.movie_checks.remove_many(changed)
        if new:
            movies.add_many(new)
        self._write_marks()

    def _write_marks(self) -> None:
        marks = self.uow.movie_marks
        others = marks.find_many(self._new_marks.keys() - self._looked_up).keys()
        marks.remove_many((self._stored_marks | others) & self._new_marks.keys())
        if self._new_marks:
            marks.add_many([MovieMark(key, since) for key, since in self._new_marks.items()])


def _titles_of(facts: MovieFacts) -> tuple[Title, ...]:
    """Return the titles that mean the film, among others."""
    key = match_key(facts.title)
    return ((key, None),) if facts.year is None else ((key, None), (key, facts.year))


def _key_of(facts: MovieFacts) -> bytes:
    if facts.imdb_id is not None:
        return _imdb_key(facts.imdb_id)
    return _title_key((match_key(facts.title), facts.year))


def _key_named_by(update: MovieUpdate) -> bytes:
    return _title_key(update.title) if update.imdb_id is None else _imdb_key(update.imdb_id)


def _imdb_key(imdb_id: str) -> bytes:
    return hashlib.sha256(imdb_id.encode()).digest()


def _title_key(title: Title) -> bytes:
    key, year = title
    return hashlib.sha256(f"{key}\n{year}".encode()).digest()
