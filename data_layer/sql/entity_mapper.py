"""Entities whose fields are the columns of a table."""

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


class EntityRows(Generic[Entity]):
    """The rows of one kind of entity.

    Args:
        session: of the transaction.
        entity: a dataclass whose fields have the names of columns.
        model: of the table, which may have more columns.
    """

    def __init__(self, session: Session, entity: type[Entity], model: type[Base]) -> None:
        self._session = session
        self._entity = entity
        self._table = table_of(model)
        self._state = _state_of(entity)  # type: ignore[arg-type]  # Every class is hashable.
        self._names = [field.name for field in dataclasses.fields(entity)]  # type: ignore[arg-type]  # See above.

    def add(self, entity: Entity) -> None:
        """Insert the entity; unique columns tell a conflict."""
        self.add_many([entity])

    def add_many(self, entities: Sequence[Entity]) -> None:
        """Insert the entities; see `add`."""
        rows = [self.columns_of(entity) for entity in entities]
        if rows:
            self._session.connection().execute(insert(self._table), rows)

    def find(self, condition: ColumnElement[bool], *, is_locked: bool = False) -> Entity | None:
        """Return the one entity of which this holds, if there is one.

        Args:
            condition: that it has to meet.
            is_locked: keeps others from changing it until the transaction ends.
        """
        statement = self._select().where(condition)
        if is_locked:
            statement = statement.with_for_update()
        row = self._session.connection().execute(statement).mappings().first()
        return self._entity_of(row) if row else None

    def list(
        self,
        *conditions: ColumnElement[bool],
        by: _Order | tuple[_Order, ...],
        limit: int | None = None,
        is_locked: bool = False,
        skips_locked: bool = False,
    ) -> tuple[Entity, ...]:
        """Return the entities of which all of this holds, in the order of `by`.

        Args:
            conditions: that each has to meet.
            by: one column or more.
            limit: how many at most.
            is_locked: keeps others from changing them until the transaction ends.
            skips_locked: does so too, and leaves out those that others have locked.
        """
        order = by if isinstance(by, tuple) else (by,)
        statement = self._select().where(*conditions).order_by(*order).limit(limit)
        if is_locked or skips_locked:
            statement = statement.with_for_update(skip_locked=skips_locked)
        rows = self._session.connection().execute(statement).mappings()
        return tuple(map(self._entity_of, rows))

    def newest(self, state: StrEnum | None, before: int | None, limit: int) -> tuple[Entity, ...]:
        """Return entities of a state, or of any, with an id below `before`, the highest first."""
        row, conditions = self._table.c, []
        if state is not None:
            conditions.append(row.state == state)
        if before is not None:
            conditions.append(row.id < before)
        return self.list(*conditions, by=row.id.desc(), limit=limit)

    def count_states(self) -> dict[str, int]:
        """Return how many entities there are of each state, along an index."""
        state = self._table.c.state
        statement = select(state, func.count()).group_by(state)
        rows = self._session.connection().execute(statement)
        return {str(name): number for name, number in rows}

    def update(self, entity: Entity, condition: ColumnElement[bool], missing: str) -> None:
        """Write every field of the entity of which this holds.

        Raises:
            NotFound: there is none; `missing` is the sentence.
        """
        written = update(self._table).where(condition).values(**self.columns_of(entity))
        require_change(self._session.connection().execute(written), missing)

    def update_many(self, rows: Sequence[Mapping[str, Any]], key: str) -> None:
        """Write rows, each where the column `key` has its value; those that are not there are not.

        Args:
            rows: at least one, all with the same columns.
            key: the name of a unique column.
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
        """Delete the entities of which this holds."""
        self._session.connection().execute(delete(self._table).where(condition))

    def columns_of(self, entity: Entity) -> dict[str, Any]:
        """Return the values of the columns, without an id that is the database's to give."""
        values = {name: getattr(entity, name) for name in self._names}
        if "scopes" in values:
            values["scopes"] = sorted(values["scopes"])
        if values.get("id", ...) is None:
            del values["id"]
        return values

    def _select(self) -> Any:  # noqa: ANN401 - Of as many columns as there are fields.
        return select(*(self._table.c[name] for name in self._names))

    def _entity_of(self, row: Mapping[Any, Any]) -> Entity:
        values = dict(row)
        if "scopes" in values:  # A newer program may have given some that this one does not know.
            known = (_SCOPES.get(scope) for scope in values["scopes"])
            values["scopes"] = frozenset(scope for scope in known if scope)
        if self._state is not None:
            values["state"] = self._state(values["state"])
        return self._entity(**values)


@functools.cache
def _state_of(entity: type[object]) -> type[StrEnum] | None:
    """Return the states that such an entity can have, if it has any."""
    return get_type_hints(entity).get("state")
