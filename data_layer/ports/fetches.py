"""Repository of fetch jobs, the queue of fetches."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from data_layer.entities.fetch import Fetch, FetchQuery, FetchState, Lease


class FetchRepository(Protocol):
    """Fetch jobs. At most one open job exists for each deduplication key."""

    def add_many(self, fetches: Sequence[Fetch]) -> tuple[Fetch, ...]:
        """Store at least one new job, in order, and return the jobs with their new ids.

        Raises:
            Conflict: An open job has the same deduplication key.
        """
        ...

    def get(self, fetch_id: int) -> Fetch:
        """Return the job with this id, and lock it until the unit of work ends.

        A read-only unit of work acquires no lock.
        """
        ...

    def get_many(self, fetch_ids: Collection[int]) -> tuple[Fetch, ...]:
        """Return the existing jobs with these ids, ordered by id."""
        ...

    def find_newest(self, deduplication_keys: Collection[bytes]) -> Mapping[bytes, Fetch]:
        """Return the newest job of each key; keys without a job are absent."""
        ...

    def list(self, query: FetchQuery) -> tuple[Fetch, ...]:
        """Return the matching jobs, newest first, at most `query.limit`."""
        ...

    def list_seeds(self) -> tuple[Fetch, ...]:
        """Return the jobs of the seeding, ordered by id; empty before the first seeding."""
        ...

    def counts(self) -> Mapping[FetchState, int]:
        """Return the number of jobs in each state; states without jobs are absent."""
        ...

    def claim(
        self, lease: Lease, now: dt.datetime, limit: int, fetch_id: int | None = None
    ) -> tuple[Fetch, ...]:
        """Lease open jobs that are due or whose lease has expired, and return them as leased.

        Times further ahead than `FAR` count as past.

        The earliest due come first, or only the one with `fetch_id`. Each claim counts as an
        attempt. Times further ahead than `FAR` count as past.
        """
        ...

    def find_leased(self, fetches: Collection[Fetch]) -> tuple[Fetch, ...]:
        """Return the stored jobs that still have the given jobs' leases, ordered by id.

        They are locked until the unit of work ends.
        """
        ...

    def update_many(self, fetches: Sequence[Fetch]) -> None:
        """Replace the jobs with these ids; deleted jobs are skipped."""
        ...

    def delete_before(self, before: dt.datetime) -> None:
        """Delete the jobs that finished before this time, in UTC; seeds are kept."""
        ...
