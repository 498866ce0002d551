"""Fetch job for one movie: state, lease and result."""

import dataclasses
import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

FAR = dt.timedelta(hours=2)
"""Limit of delays and leases; times further ahead were written by a wrong clock and are ignored."""


class FetchState(StrEnum):
    """State of a fetch job."""

    QUEUED = "queued"
    """The job waits for a worker, or for its next attempt."""
    FETCHING = "fetching"
    """A worker holds a lease on the job; when the lease expires, another one takes it over."""
    FETCHED = "fetched"
    """The movie is in the catalogue."""
    NOT_FOUND = "not_found"
    """OMDb does not have the movie."""
    FAILED = "failed"
    """OMDb returned an error; a new request may succeed."""
    CANCELLED = "cancelled"
    """The requester cancelled the job."""

    @property
    def is_open(self) -> bool:
        """Whether the job is queued or being fetched."""
        return self in {FetchState.QUEUED, FetchState.FETCHING}


@dataclass(frozen=True, slots=True)
class Lease:
    """Exclusive right to process a fetch job until a deadline.

    Args:
        holder: Random id of the holder, 32 characters.
        until: Expiry in UTC, after which another worker may claim the job.
    """

    holder: str
    until: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """One fetch job. Times are in UTC.

    Args:
        deduplication_key: SHA-256 digest of the lookup; equal lookups have equal keys.
        caller: Credential of the requester, as in audit entries.
        address: IP address of the requester, as in audit entries.
        request_id: Id of the HTTP request, as in audit entries.
        due_at: Earliest start of the next attempt.
        attempts: Number of started attempts.
        not_found_count: Number of consecutive "not found" results, this job included.
        lease_holder: Id of the current lease, 32 characters; `None` without a lease.
        is_seed: Whether the job belongs to the seeding; such jobs are never purged, so that each
            movie is seeded only once.
    """

    deduplication_key: bytes
    imdb_id: str | None = None
    title: str | None = None
    year: int | None = None
    state: FetchState = FetchState.QUEUED
    caller: str = ""
    address: str = ""
    request_id: str = ""
    created_at: dt.datetime
    due_at: dt.datetime
    started_at: dt.datetime | None = None
    finished_at: dt.datetime | None = None
    attempts: int = 0
    not_found_count: int = 0
    is_seed: bool = False
    lease_holder: str | None = None
    lease_expires_at: dt.datetime | None = None
    movie_id: int | None = None
    """Id of the fetched movie, which may have been removed since."""
    error_code: str | None = None
    """Code of the last error, as in `common.errors`."""
    error_message: str | None = None
    error_retry_after_seconds: int | None = None
    id: int | None = None
    """Ascending id; `None` until the job is stored."""

    @property
    def known_id(self) -> int:
        """The id of a stored job."""
        if self.id is None:
            raise AssertionError("A fetch has no id before it is stored.")
        return self.id

    def is_leased_at(self, now: dt.datetime) -> bool:
        """Return whether the lease is valid at `now`, in UTC."""
        return self.lease_expires_at is not None and now < self.lease_expires_at

    def started(self, lease: Lease, now: dt.datetime) -> Self:
        """Return a copy in the state `FETCHING` under `lease`, with one more attempt."""
        return dataclasses.replace(
            self,
            state=FetchState.FETCHING,
            attempts=self.attempts + 1,
            started_at=now,
            lease_holder=lease.holder,
            lease_expires_at=lease.until,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchQuery:
    """Conditions on fetch jobs, joined by AND; `None` does not restrict."""

    state: FetchState | None = None
    before: int | None = None
    """Exclusive upper bound of the id."""
    limit: int = 50
