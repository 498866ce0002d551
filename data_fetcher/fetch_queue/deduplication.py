"""Which wishes are the same, and what a new one begins as."""

import datetime as dt
from collections.abc import Sequence

from common.clock import Clock
from data_fetcher.fetch_queue.deduplication_key import Wisher, parts_of, wish_key
from data_fetcher.omdb.lookups import Wish
from data_layer.entities.fetch import Fetch, FetchState
from data_layer.entities.movie import StoredMovie

ABSENCE_HOURS = (6, 24, 168)
"""For how long OMDb is not asked again for what it did not have: once, twice, more often."""


def by_key(wishes: Sequence[Wish]) -> dict[bytes, Wish]:
    """Return the wishes by their keys; of several for the same the first."""
    keyed: dict[bytes, Wish] = {}
    for wish in wishes:
        keyed.setdefault(wish_key(wish), wish)
    return keyed


class Joining:
    """Decides whether a wish joins an older one.

    Args:
        absence_hours: for how long what the source does not have is not asked for again.
        clock: in UTC.
    """

    def __init__(self, absence_hours: Sequence[int], clock: Clock) -> None:
        self._absence_hours = absence_hours
        self._clock = clock

    def is_joined(self, newest: Fetch, movie: StoredMovie | None) -> bool:
        """Tell whether the newest wish for a film says what a new one would.

        Args:
            newest: with the same key.
            movie: the film, if it is in the catalogue.
        """
        if movie is not None:
            return newest.state is FetchState.FETCHED and newest.film_id == movie.id
        return newest.state.is_open or self.is_absent(newest)

    def is_absent(self, newest: Fetch) -> bool:
        """Tell whether the source did not have the film a short time ago."""
        if newest.state is not FetchState.NOT_FOUND or not self._absence_hours:
            return False
        place = min(newest.absences, len(self._absence_hours)) - 1
        patience = dt.timedelta(hours=self._absence_hours[place])
        return newest.finished_at is not None and self._clock() < newest.finished_at + patience

    def new(self, wish: Wish, by: Wisher, newest: Fetch | None, movie: StoredMovie | None) -> Fetch:
        """Return a wish that waits, or one that is fulfilled where the film is there.

        Args:
            wish: what is wished for.
            by: who wishes.
            newest: the newest wish with the same key.
            movie: the film, if it is in the catalogue.
        """
        now = self._clock()
        was_absent = newest is not None and newest.state is FetchState.NOT_FOUND
        imdb_id, title, year = parts_of(wish)
        return Fetch(
            wish_key=wish_key(wish),
            imdb_id=imdb_id,
            title=title,
            year=year,
            state=FetchState.QUEUED if movie is None else FetchState.FETCHED,
            film_id=None if movie is None else movie.id,
            finished_at=None if movie is None else now,
            absences=newest.absences if newest is not None and was_absent else 0,
            caller=by.name,
            address=by.address,
            request_id=by.request_id,
            created_at=now,
            due_at=now,
        )
