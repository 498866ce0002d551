"""Fetch jobs in a dictionary by id."""

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from common.errors import Conflict, NotFound
from data_layer.entities.fetch import FAR, Fetch, FetchQuery, FetchState, Lease
from data_layer.ports.fetches import FetchRepository


class FakeFetchRepository(FetchRepository):
    """In-memory `data_layer.ports.fetches.FetchRepository`."""

    def __init__(self) -> None:
        self.rows: dict[int, Fetch] = {}

    def add_many(self, fetches: Sequence[Fetch]) -> tuple[Fetch, ...]:
        """Store new jobs with consecutive new ids."""
        added = []
        for fetch in fetches:
            open_keys = {
                each.deduplication_key for each in self.rows.values() if each.state.is_open
            }
            if fetch.state.is_open and fetch.deduplication_key in open_keys:
                raise Conflict("An open fetch has the same deduplication key.")
            stored = dataclasses.replace(fetch, id=max(self.rows, default=0) + 1)
            self.rows[stored.known_id] = stored
            added.append(stored)
        return tuple(added)

    def get(self, fetch_id: int) -> Fetch:
        """Return the job with this id."""
        if fetch_id not in self.rows:
            raise NotFound("No fetch has this id.")
        return self.rows[fetch_id]

    def get_many(self, fetch_ids: Collection[int]) -> tuple[Fetch, ...]:
        """Return the existing jobs with these ids, ordered by id."""
        return tuple(each for number, each in sorted(self.rows.items()) if number in fetch_ids)

    def find_newest(self, deduplication_keys: Collection[bytes]) -> Mapping[bytes, Fetch]:
        """Return the newest job of each key."""
        by_id = sorted(self.rows.items())
        return {
            each.deduplication_key: each
            for _id, each in by_id
            if each.deduplication_key in deduplication_keys
        }

    def list(self, query: FetchQuery) -> tuple[Fetch, ...]:
        """Return the matching jobs, newest first."""
        matching = [
            fetch
            for fetch_id, fetch in sorted(self.rows.items(), reverse=True)
            if query.state in {None, fetch.state}
            and (query.before is None or fetch_id < query.before)
        ]
        return tuple(matching[: query.limit])

    def list_seeds(self) -> tuple[Fetch, ...]:
        """Return the seeds, ordered by id."""
        return tuple(fetch for _id, fetch in sorted(self.rows.items()) if fetch.is_seed)

    def counts(self) -> Mapping[FetchState, int]:
        """Return the number of jobs in each state."""
        return Counter(fetch.state for fetch in self.rows.values())

    def claim(
        self, lease: Lease, now: dt.datetime, limit: int, fetch_id: int | None = None
    ) -> tuple[Fetch, ...]:
        """Lease open jobs that are due or whose lease has expired."""
        due = sorted(
            (fetch.due_at, fetch.known_id)
            for fetch in self.rows.values()
            if fetch_id in {None, fetch.id}
            and fetch.state.is_open
            and not now < (fetch.lease_expires_at or fetch.due_at) <= now + FAR
        )
        claimed = tuple(self.rows[number].started(lease, now) for _due_at, number in due[:limit])
        self.update_many(claimed)
        return claimed

    def find_leased(self, fetches: Collection[Fetch]) -> tuple[Fetch, ...]:
        """Return the stored jobs that still have the given jobs' leases."""
        leases = {fetch.id: fetch.lease_holder for fetch in fetches}
        return tuple(
            fetch
            for fetch_id, fetch in sorted(self.rows.items())
            if fetch.lease_holder is not None and leases.get(fetch_id) == fetch.lease_holder
        )

    def update_many(self, fetches: Sequence[Fetch]) -> None:
        """Replace the jobs with these ids; skip deleted ones."""
        for fetch in fetches:
            if fetch.known_id in self.rows:
                self.rows[fetch.known_id] = fetch

    def delete_before(self, before: dt.datetime) -> None:
        """Delete the jobs that finished before this time; keep seeds."""
        for fetch in list(self.rows.values()):
            is_old = fetch.finished_at is not None and fetch.finished_at < before
            if is_old and not fetch.is_seed:
                del self.rows[fetch.known_id]
