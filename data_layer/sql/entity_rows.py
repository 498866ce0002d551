"""Entities whose fields are the columns of a table."""

import dataclasses
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from data_layer.entities.scope import Scope
from data_layer.sql.changes import require_change
from data_layer.sql.models import Base

Entity = TypeVar("Entity")

_SCOPES = {scope.value: scope for scope in Scope}


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
        self._model = model
        self._names = [field.name for field in dataclasses.fields(entity)]  # type: ignore[arg-type]  # See above.

    def add(self, entity: Entity) -> None:
        """Insert the entity; unique columns tell a conflict."""
        self._session.execute(insert(self._model).values(**self._columns_of(entity)))

    def find(self, condition: ColumnElement[bool]) -> Entity | None:
        """Return the one entity of which this holds, if there is one."""
        row = self._session.scalar(select(self._model).where(condition))
        return self._entity_of(row) if row else None

    def list(
        self,
        *conditions: ColumnElement[bool],
        by: InstrumentedAttribute[Any] | ColumnElement[Any],
        limit: int | None = None,
    ) -> tuple[Entity, ...]:
        """Return the entities of which all of this holds, in the order of `by`."""
        statement = select(self._model).where(*conditions).order_by(by).limit(limit)
        return tuple(map(self._entity_of, self._session.scalars(statement)))

    def update(self, entity: Entity, condition: ColumnElement[bool], missing: str) -> None:
        """Write every field of the entity of which this holds.

        Raises:
            NotFound: there is none; `missing` is the sentence.
        """
        written = update(self._model).where(condition).values(**self._columns_of(entity))
        require_change(self._session.execute(written), missing)

    def remove(self, condition: ColumnElement[bool]) -> None:
        """Delete the entities of which this holds."""
        self._session.execute(delete(self._model).where(condition))

    def _columns_of(self, entity: Entity) -> dict[str, Any]:
        values = {name: getattr(entity, name) for name in self._names}
        if "scopes" in values:
            values["scopes"] = sorted(values["scopes"])
        if values.get("id", ...) is None:  # It is the database's to give.
            del values["id"]
        return values

    def _entity_of(self, row: Base) -> Entity:
        values = {name: getattr(row, name) for name in self._names}
        if "scopes" in values:  # A newer program may have given some that this one does not know.
            known = (_SCOPES.get(scope) for scope in values["scopes"])
            values["scopes"] = frozenset(scope for scope in known if scope)
        return self._entity(**values)
