"""Fetch jobs in a table."""

import dataclasses
import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, or_, select, update

from common.batches import batched
from common.errors import NotFound
from data_layer.entities.fetch import FAR, Fetch, FetchQuery, FetchState, Lease
from data_layer.ports.fetches import FetchRepository
from data_layer.sql import models
from data_layer.sql.entity_mapper import EntityMapper
from data_layer.sql.transaction import Transaction

_TABLE = models.table_of(models.Fetch)
_ROW = _TABLE.c
_KEYS_AT_ONCE = 1_000
_DELETE_BATCH = 10_000


class SqlAlchemyFetchRepository(FetchRepository):
    """SQL implementation of `data_layer.ports.fetches.FetchRepository`."""

    def __init__(self, transaction: Transaction) -> None:
        self._session = transaction.session
        self._locks = not transaction.is_read_only
        self._rows = EntityMapper(transaction.session, Fetch, models.Fetch)

    def add_many(self, fetches: Sequence[Fetch]) -> tuple[Fetch, ...]:
        """Insert the jobs; a unique column rejects a second open job with the same key."""
        ids = self._session.connection().scalars(
            insert(_TABLE).returning(_ROW.id, sort_by_parameter_order=True),
            [self._columns_of(fetch) for fetch in fetches],
        )
        return tuple(
            dataclasses.replace(fetch, id=fetch_id)
            for fetch, fetch_id in zip(fetches, ids, strict=True)
        )

    def get(self, fetch_id: int) -> Fetch:
        """Return the job with this id; lock it unless read-only."""
        fetch = self._rows.find(_ROW.id == fetch_id, is_locked=self._locks)
        if fetch is None:
            raise NotFound("No fetch has this id.")
        return fetch

    def get_many(self, fetch_ids: Collection[int]) -> tuple[Fetch, ...]:
        """Return the jobs with these ids, by id."""
        return tuple(
            fetch
            for chunk in batched(sorted(fetch_ids), _KEYS_AT_ONCE)
            for fetch in self._rows.list(_ROW.id.in_(chunk), by=_ROW.id)
        )

    def find_newest(self, deduplication_keys: Collection[bytes]) -> Mapping[bytes, Fetch]:
        """Return the newest job of each key, found by an index."""
        return {
            fetch.deduplication_key: fetch
            for chunk in batched(list(deduplication_keys), _KEYS_AT_ONCE)
            for fetch in self._rows.list(_ROW.deduplication_key.in_(chunk), by=_ROW.id)
        }

    def list(self, query: FetchQuery) -> tuple[Fetch, ...]:
        """Return jobs, newest first, found by an index."""
        return self._rows.newest(query.state, query.before, query.limit)

    def list_seeds(self) -> tuple[Fetch, ...]:
        """Return the seeds by id, found by an index."""
        return self._rows.list(_ROW.is_seed, by=_ROW.id)

    def counts(self) -> Mapping[FetchState, int]:
        """Return the number of jobs by state. Scans the index on the state."""
        counts = self._rows.count_states().items()
        return {FetchState(state): number for state, number in counts}

    def claim(
        self, lease: Lease, now: dt.datetime, limit: int, fetch_id: int | None = None
    ) -> tuple[Fetch, ...]:
        """Lease due jobs that no other worker has locked, and return them."""
        is_due = or_(
            (_ROW.state == FetchState.QUEUED) & _is_past(_ROW.due_at, now),
            (_ROW.state == FetchState.FETCHING) & _is_past(_ROW.lease_expires_at, now),
        )
        conditions = [is_due] if fetch_id is None else [is_due, _ROW.id == fetch_id]
        fetches = self._rows.list(
            *conditions, by=(_ROW.due_at, _ROW.id), limit=limit, skips_locked=True
        )
        started = tuple(fetch.started(lease, now) for fetch in fetches)
        if started:
            self._session.execute(
                update(_TABLE)
                .where(_ROW.id.in_([fetch.known_id for fetch in started]))
                .values(
                    state=FetchState.FETCHING,
                    attempts=_ROW.attempts + 1,
                    started_at=now,
                    lease_holder=lease.holder,
                    lease_expires_at=lease.until,
                )
            )
        return started

    def find_leased(self, fetches: Collection[Fetch]) -> tuple[Fetch, ...]:
        """Return the jobs whose lease is unchanged; lock the rows.

        Rows are locked by ascending id, so that concurrent callers do not deadlock.
        """
        leases = {fetch.known_id: fetch.lease_holder for fetch in fetches}
        rows = self._rows.list(_ROW.id.in_(leases), by=_ROW.id, is_locked=True)
        return tuple(
            fetch
            for fetch in rows
            if fetch.lease_holder is not None and leases[fetch.known_id] == fetch.lease_holder
        )

    def update_many(self, fetches: Sequence[Fetch]) -> None:
        """Overwrite the rows of these jobs."""
        if fetches:
            self._rows.update_many([self._columns_of(fetch) for fetch in fetches], "id")

    def delete_before(self, before: dt.datetime) -> None:
        """Delete the oldest finished jobs, at most 10,000 per call.

        The bound keeps the number of row locks, and thus the wait of other writers, small.
        """
        old = (
            select(_ROW.id)
            .where(_ROW.finished_at < before, ~_ROW.is_seed)
            .order_by(_ROW.finished_at)
            .limit(_DELETE_BATCH)
        )
        ids = list(self._session.scalars(old))
        self._session.execute(delete(_TABLE).where(_ROW.id.in_(ids)))

    def _columns_of(self, fetch: Fetch) -> dict[str, Any]:
        return self._rows.columns_of(fetch) | _derived(fetch)


def _is_past(moment: ColumnElement[Any], now: dt.datetime) -> ColumnElement[bool]:
    return (moment <= now) | (moment > now + FAR)


def _derived(fetch: Fetch) -> dict[str, Any]:
    """Return the column without an entity field: a unique key that only an open job has."""
    return {"active_key": fetch.deduplication_key if fetch.state.is_open else None}
