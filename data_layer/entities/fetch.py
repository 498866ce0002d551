"""The wish to have one film fetched, and how far it is."""

import dataclasses
import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

FAR = dt.timedelta(hours=2)
"""Nothing is put off or leased for that long: later times were written by a wrong clock."""


class FetchState(StrEnum):
    """How far a fetch is."""

    QUEUED = "queued"
    """It waits for its turn."""
    FETCHING = "fetching"
    """Somebody fetches it; if they die, somebody else does when the lease has run out."""
    FETCHED = "fetched"
    """The film is in the catalogue."""
    NOT_FOUND = "not_found"
    """The source does not have the film."""
    FAILED = "failed"
    """The source did not serve; trying again may help."""
    CANCELLED = "cancelled"
    """Nobody wants it any more."""

    @property
    def is_open(self) -> bool:
        """Whether it goes on by itself."""
        return self in {FetchState.QUEUED, FetchState.FETCHING}


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to fetch, for a while.

    Args:
        holder: whose it is: 32 hexadecimal digits, random.
        until: when others may take over.
    """

    holder: str
    until: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """One wish. Times are in UTC.

    Args:
        wish_key: SHA-256 of what is wished for; wishes for the same have the same.
        caller: who wished, as in the audit; `address` and `request_id` likewise.
        due_at: when it may be begun.
        attempts: how often somebody has begun it.
        absences: how often in a row the source did not have it, this time included.
        lease: who fetches it: 32 hexadecimal digits, random.
    """

    wish_key: bytes
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
    absences: int = 0
    lease: str | None = None
    leased_until: dt.datetime | None = None
    film_id: int | None = None
    """Of the film that came of it; the film may have been removed since."""
    error_code: str | None = None
    """As in `common.errors`."""
    error_message: str | None = None
    error_retry_after_seconds: int | None = None
    id: int | None = None
    """Rises with time; `None` until it is stored."""

    @property
    def known_id(self) -> int:
        """The id, once it is stored."""
        if self.id is None:
            raise AssertionError("A fetch has no id before it is stored.")
        return self.id

    def is_leased_at(self, now: dt.datetime) -> bool:
        """Tell whether somebody fetches it at `now`, in UTC."""
        return self.leased_until is not None and now < self.leased_until

    def begun(self, lease: Lease, now: dt.datetime) -> Self:
        """Return it as it is once somebody has begun to fetch it."""
        return dataclasses.replace(
            self,
            state=FetchState.FETCHING,
            attempts=self.attempts + 1,
            started_at=now,
            lease=lease.holder,
            leased_until=lease.until,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchQuery:
    """Which fetches are wanted; each condition that is given has to hold."""

    state: FetchState | None = None
    before: int | None = None
    """Fetches older than the one with this id."""
    limit: int = 50
