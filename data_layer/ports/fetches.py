"""The wishes to have films fetched."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from data_layer.entities.fetch import Fetch, FetchQuery, FetchState, Lease


class FetchRepository(Protocol):
    """Keeps wishes until they are forgotten. Of one wish at most one is open."""

    def add_many(self, fetches: Sequence[Fetch]) -> tuple[Fetch, ...]:
        """Store new wishes, in their order, under the next ids. At least one.

        Raises:
            Conflict: an open one has the same wish key.
        """
        ...

    def get(self, fetch_id: int) -> Fetch:
        """Return the wish with this id; until the unit of work ends nobody else changes it.

        In a unit of work that reads only nothing is held.

        Raises:
            NotFound: there is none.
        """
        ...

    def get_many(self, fetch_ids: Collection[int]) -> tuple[Fetch, ...]:
        """Return the wishes with these ids, those that there are, by id."""
        ...

    def newest(self, wish_keys: Collection[bytes]) -> Mapping[bytes, Fetch]:
        """Return the newest wish of each key that has one."""
        ...

    def list(self, query: FetchQuery) -> tuple[Fetch, ...]:
        """Return the wishes that are asked for, newest first."""
        ...

    def counts(self) -> Mapping[FetchState, int]:
        """Return how many wishes are in each state, of those that have any."""
        ...

    def claim(
        self, lease: Lease, now: dt.datetime, limit: int, fetch_id: int | None = None
    ) -> tuple[Fetch, ...]:
        """Take wishes that are due, or whose lease has run out; those due first come first.

        Times further away than `FAR` count as past.

        Args:
            lease: under which they are taken; each has begun once more.
            now: in UTC.
            limit: how many at most.
            fetch_id: of the only one that is wanted.
        """
        ...

    def held(self, fetches: Collection[Fetch]) -> tuple[Fetch, ...]:
        """Return those that are still under the lease they were taken under, by id.

        Until the unit of work ends nobody else changes them.
        """
        ...

    def update_many(self, fetches: Sequence[Fetch]) -> None:
        """Store how far wishes are; one that is not there any more stays away."""
        ...

    def forget(self, before: dt.datetime) -> None:
        """Remove the wishes that were finished before."""
        ...
