"""Data mapper between entities and table rows; a field and its column have the same name."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Generic, TypeVar, get_type_hints

from sqlalchemy import ColumnElement, bindparam, delete, func, insert, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from data_layer.entities.scope import Scope
from data_layer.sql.models import Base, table_of
from data_layer.sql.row_counts import require_change

Entity = TypeVar("Entity")
_Order = InstrumentedAttribute[Any] | ColumnElement[Any]

_SCOPES = {scope.value: scope for scope in Scope}
_KEY = "key_of_row"


class EntityMapper(Generic[Entity]):
    """Data mapper of one entity class; its fields are columns of the table, which may have more."""

    def __init__(self, session: Session, entity: type[Entity], model: type[Base]) -> None:
        self._session = session
        self._entity = entity
        self._table = table_of(model)
        self._state = _state_of(entity)  # type: ignore[arg-type]  # Classes are hashable.
        self._names = [field.name for field in dataclasses.fields(entity)]  # type: ignore[arg-type]  # See above.

    def add(self, entity: Entity) -> None:
        """Insert the entity.

        Raises:
            IntegrityError: A unique column already has this value.
        """
        self.add_many([entity])

    def add_many(self, entities: Sequence[Entity]) -> None:
        """Insert the entities; do nothing if there are none. See `add`."""
        rows = [self.columns_of(entity) for entity in entities]
        if rows:
            self._session.connection().execute(insert(self._table), rows)

    def find(self, condition: ColumnElement[bool], *, is_locked: bool = False) -> Entity | None:
        """Return the first entity that meets the condition, or None; may lock it (`FOR UPDATE`)."""
        statement = self._select().where(condition)
        if is_locked:
            statement = statement.with_for_update()
        row = self._session.connection().execute(statement).first()
        return self._to_entity(row) if row else None

    def list(
        self,
        *conditions: ColumnElement[bool],
        by: _Order | tuple[_Order, ...],
        limit: int | None = None,
        is_locked: bool = False,
        skips_locked: bool = False,
    ) -> tuple[Entity, ...]:
        """Return the entities that meet all conditions, in the order of `by`.

        `is_locked` locks the rows until the transaction ends (`FOR UPDATE`); `skips_locked` also
        leaves out rows that another transaction has locked (`FOR UPDATE SKIP LOCKED`).
        """
        order = by if isinstance(by, tuple) else (by,)
        statement = self._select().where(*conditions).order_by(*order).limit(limit)
        if is_locked or skips_locked:
            statement = statement.with_for_update(skip_locked=skips_locked)
        rows = self._session.connection().execute(statement)
        return tuple(map(self._to_entity, rows))

    def newest(self, state: StrEnum | None, before: int | None, limit: int) -> tuple[Entity, ...]:
        """Return entities by descending id; a state or `before` of None does not restrict.

        `before` is an exclusive upper bound of the ids.
        """
        row, conditions = self._table.c, []
        if state is not None:
            conditions.append(row.state == state)
        if before is not None:
            conditions.append(row.id < before)
        return self.list(*conditions, by=row.id.desc(), limit=limit)

    def count_states(self) -> dict[str, int]:
        """Return the number of entities by state. Scans the index on the state."""
        state = self._table.c.state
        statement = select(state, func.count()).group_by(state)
        rows = self._session.connection().execute(statement)
        return {str(name): number for name, number in rows}

    def update(self, entity: Entity, condition: ColumnElement[bool], missing: str) -> None:
        """Overwrite every field of the row that meets the condition.

        Raises:
            NotFound: No row meets the condition; `missing` is the message.
        """
        written = update(self._table).where(condition).values(**self.columns_of(entity))
        require_change(self._session.connection().execute(written), missing)

    def update_many(self, rows: Sequence[Mapping[str, Any]], key: str) -> None:
        """Update rows by a unique column; ignore values of it that the table does not have.

        Every row has the same columns, and there is at least one.
        """
        names = [name for name in rows[0] if name != key]
        statement = (
            update(self._table)
            .where(self._table.c[key] == bindparam(_KEY))
            .values({name: bindparam(name) for name in names})
        )
        values = [{**{name: row[name] for name in names}, _KEY: row[key]} for row in rows]
        self._session.connection().execute(statement, values)

    def remove(self, condition: ColumnElement[bool]) -> None:
        """Delete the entities that meet the condition."""
        self._session.connection().execute(delete(self._table).where(condition))

    def columns_of(self, entity: Entity) -> dict[str, Any]:
        """Return the entity's column values; omit an id of None, which the database generates."""
        values = {name: getattr(entity, name) for name in self._names}
        if "scopes" in values:
            values["scopes"] = sorted(values["scopes"])
        if values.get("id", ...) is None:
            del values["id"]
        return values

    def _select(self) -> Any:  # noqa: ANN401 - The number of columns is only known at run time.
        return select(*(self._table.c[name] for name in self._names))

    def _to_entity(self, row: Sequence[Any]) -> Entity:
        values = dict(zip(self._names, row, strict=True))
        if "scopes" in values:  # A newer version may have stored scopes unknown here.
            scopes = (_SCOPES.get(name) for name in values["scopes"])
            values["scopes"] = frozenset(scope for scope in scopes if scope)
        if self._state is not None:
            values["state"] = self._state(values["state"])
        return self._entity(**values)


@functools.cache
def _state_of(entity: type[object]) -> type[StrEnum] | None:
    """Return the enumeration of the entity's states, or None if it has no state."""
    return get_type_hints(entity).get("state")
