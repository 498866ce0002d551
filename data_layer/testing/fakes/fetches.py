"""The wishes to have films fetched, in a dictionary by id."""

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from common.errors import Conflict, NotFound
from data_layer.entities.fetch import FAR, Fetch, FetchQuery, FetchState, Lease


class FakeFetchRepository:
    """See `data_layer.ports.fetches.FetchRepository`."""

    def __init__(self, fetches: dict[int, Fetch]) -> None:
        self.fetches = fetches

    def add_many(self, fetches: Sequence[Fetch]) -> tuple[Fetch, ...]:
        """Store new wishes under the next ids."""
        added = []
        for fetch in fetches:
            open_keys = {each.wish_key for each in self.fetches.values() if each.state.is_open}
            if fetch.state.is_open and fetch.wish_key in open_keys:
                raise Conflict("This wish is open already.")
            stored = dataclasses.replace(fetch, id=max(self.fetches, default=0) + 1)
            self.fetches[stored.known_id] = stored
            added.append(stored)
        return tuple(added)

    def get(self, fetch_id: int) -> Fetch:
        """Return the wish with this id."""
        if fetch_id not in self.fetches:
            raise NotFound("No fetch has this id.")
        return self.fetches[fetch_id]

    def get_many(self, fetch_ids: Collection[int]) -> tuple[Fetch, ...]:
        """Return the wishes with these ids."""
        return tuple(each for number, each in sorted(self.fetches.items()) if number in fetch_ids)

    def newest(self, wish_keys: Collection[bytes]) -> Mapping[bytes, Fetch]:
        """Return the newest wish of each key."""
        by_id = sorted(self.fetches.items())
        return {each.wish_key: each for _id, each in by_id if each.wish_key in wish_keys}

    def list(self, query: FetchQuery) -> tuple[Fetch, ...]:
        """Return the wishes that are asked for, newest first."""
        wanted = [
            fetch
            for fetch_id, fetch in sorted(self.fetches.items(), reverse=True)
            if query.state in {None, fetch.state}
            and (query.before is None or fetch_id < query.before)
        ]
        return tuple(wanted[: query.limit])

    def counts(self) -> Mapping[FetchState, int]:
        """Count the wishes of each state."""
        return Counter(fetch.state for fetch in self.fetches.values())

    def claim(
        self, lease: Lease, now: dt.datetime, limit: int, fetch_id: int | None = None
    ) -> tuple[Fetch, ...]:
        """Take wishes that are due."""
        due = sorted(
            (fetch.due_at, fetch.known_id)
            for fetch in self.fetches.values()
            if fetch_id in {None, fetch.id}
            and fetch.state.is_open
            and not now < (fetch.leased_until or fetch.due_at) <= now + FAR
        )
        claimed = tuple(self.fetches[number].begun(lease, now) for _due_at, number in due[:limit])
        self.update_many(claimed)
        return claimed

    def held(self, fetches: Collection[Fetch]) -> tuple[Fetch, ...]:
        """Return those that are still under their lease."""
        leases = {fetch.id: fetch.lease for fetch in fetches}
        return tuple(
            fetch
            for fetch_id, fetch in sorted(self.fetches.items())
            if fetch.lease is not None and leases.get(fetch_id) == fetch.lease
        )

    def update_many(self, fetches: Sequence[Fetch]) -> None:
        """Replace the wishes with these ids."""
        for fetch in fetches:
            if fetch.known_id in self.fetches:
                self.fetches[fetch.known_id] = fetch

    def forget(self, before: dt.datetime) -> None:
        """Remove the wishes that were finished before."""
        for fetch in list(self.fetches.values()):
            if fetch.finished_at is not None and fetch.finished_at < before:
                del self.fetches[fetch.known_id]
