"""The wishes to have films fetched, in a table."""

import dataclasses
import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, or_, select, update
from sqlalchemy.orm import Session

from common.batches import chunks
from common.errors import NotFound
from data_layer.entities.fetch import FAR, Fetch, FetchQuery, FetchState, Lease
from data_layer.sql import models
from data_layer.sql.entity_mapper import EntityRows

_TABLE = models.table_of(models.Fetch)
_ROW = _TABLE.c
_KEYS_AT_ONCE = 1_000
_FORGOTTEN_AT_ONCE = 10_000


class SqlAlchemyFetchRepository:
    """See `data_layer.ports.fetches.FetchRepository`."""

    def __init__(self, session: Session, *, is_read_only: bool) -> None:
        self._session = session
        self._locks = not is_read_only
        self._rows = EntityRows(session, Fetch, models.Fetch)

    def add_many(self, fetches: Sequence[Fetch]) -> tuple[Fetch, ...]:
        """Insert the wishes; a unique column tells which are open already."""
        ids = self._session.connection().scalars(
            insert(_TABLE).returning(_ROW.id, sort_by_parameter_order=True),
            [self._columns_of(fetch) for fetch in fetches],
        )
        return tuple(
            dataclasses.replace(fetch, id=fetch_id)
            for fetch, fetch_id in zip(fetches, ids, strict=True)
        )

    def get(self, fetch_id: int) -> Fetch:
        """Look the id up."""
        fetch = self._rows.find(_ROW.id == fetch_id, is_locked=self._locks)
        if fetch is None:
            raise NotFound("No fetch has this id.")
        return fetch

    def get_many(self, fetch_ids: Collection[int]) -> tuple[Fetch, ...]:
        """Look the ids up."""
        return tuple(
            fetch
            for chunk in chunks(sorted(fetch_ids), _KEYS_AT_ONCE)
            for fetch in self._rows.list(_ROW.id.in_(chunk), by=_ROW.id)
        )

    def newest(self, wish_keys: Collection[bytes]) -> Mapping[bytes, Fetch]:
        """Look the keys up by their index."""
        return {
            fetch.wish_key: fetch
            for chunk in chunks(list(wish_keys), _KEYS_AT_ONCE)
            for fetch in self._rows.list(_ROW.wish_key.in_(chunk), by=_ROW.id)
        }

    def list(self, query: FetchQuery) -> tuple[Fetch, ...]:
        """Read wishes backwards, by an index."""
        return self._rows.newest(query.state, query.before, query.limit)

    def counts(self) -> Mapping[FetchState, int]:
        """Count along an index."""
        counts = self._rows.count_states().items()
        return {FetchState(state): number for state, number in counts}

    def claim(
        self, lease: Lease, now: dt.datetime, limit: int, fetch_id: int | None = None
    ) -> tuple[Fetch, ...]:
        """Pick rows that nobody else is picking, and mark them."""
        is_due = or_(
            (_ROW.state == FetchState.QUEUED) & _is_past(_ROW.due_at, now),
            (_ROW.state == FetchState.FETCHING) & _is_past(_ROW.leased_until, now),
        )
        conditions = [is_due] if fetch_id is None else [is_due, _ROW.id == fetch_id]
        fetches = self._rows.list(
            *conditions, by=(_ROW.due_at, _ROW.id), limit=limit, skips_locked=True
        )
        begun = tuple(fetch.begun(lease, now) for fetch in fetches)
        if begun:
            self._session.execute(
                update(_TABLE)
                .where(_ROW.id.in_([fetch.known_id for fetch in begun]))
                .values(
                    state=FetchState.FETCHING,
                    attempts=_ROW.attempts + 1,
                    started_at=now,
                    lease=lease.holder,
                    leased_until=lease.until,
                )
            )
        return begun

    def held(self, fetches: Collection[Fetch]) -> tuple[Fetch, ...]:
        """Read and lock the rows, in one order, so that two who do it don't block each other."""
        leases = {fetch.known_id: fetch.lease for fetch in fetches}
        rows = self._rows.list(_ROW.id.in_(leases), by=_ROW.id, is_locked=True)
        return tuple(
            fetch
            for fetch in rows
            if fetch.lease is not None and leases[fetch.known_id] == fetch.lease
        )

    def update_many(self, fetches: Sequence[Fetch]) -> None:
        """Write the rows."""
        if fetches:
            self._rows.update_many([self._columns_of(fetch) for fetch in fetches], "id")

    def forget(self, before: dt.datetime) -> None:
        """Delete by an index, some at a time: a long list of locks would keep others waiting."""
        old = (
            select(_ROW.id)
            .where(_ROW.finished_at < before)
            .order_by(_ROW.finished_at)
            .limit(_FORGOTTEN_AT_ONCE)
        )
        ids = list(self._session.scalars(old))
        self._session.execute(delete(_TABLE).where(_ROW.id.in_(ids)))

    def _columns_of(self, fetch: Fetch) -> dict[str, Any]:
        return self._rows.columns_of(fetch) | _derived(fetch)


def _is_past(moment: ColumnElement[Any], now: dt.datetime) -> ColumnElement[bool]:
    return (moment <= now) | (moment > now + FAR)


def _derived(fetch: Fetch) -> dict[str, Any]:
    """Return what the row has beside the fields: a key that only one open wish can have."""
    return {"open_key": fetch.wish_key if fetch.state.is_open else None}
