"""The API keys, in a table."""

from typing import Any

from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.orm import Session

from data_layer.entities.api_key import ApiKey, Scope
from data_layer.sql import models
from data_layer.sql.changes import require_change


class SqlAlchemyApiKeyRepository:
    """See `data_layer.ports.api_keys.ApiKeyRepository`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, key: ApiKey) -> None:
        """Insert the key; its unique columns tell a conflict."""
        self._session.execute(
            insert(models.ApiKey).values(
                name=key.name,
                prefix=key.prefix,
                created_at=key.created_at,
                **_changeable(key),
            )
        )

    def find_by_prefix(self, prefix: str) -> ApiKey | None:
        """Look the unique prefix up."""
        return self._find(models.ApiKey.prefix == prefix)

    def find_by_name(self, name: str) -> ApiKey | None:
        """Look the unique name up."""
        return self._find(models.ApiKey.name == name)

    def list(self) -> tuple[ApiKey, ...]:
        """Read every key in the order of creation."""
        rows = self._session.scalars(select(models.ApiKey).order_by(models.ApiKey.id))
        return tuple(_from_row(row) for row in rows)

    def update(self, key: ApiKey) -> None:
        """Write what may change of a key."""
        updated = self._session.execute(
            update(models.ApiKey)
            .where(models.ApiKey.prefix == key.prefix)
            .values(**_changeable(key))
        )
        require_change(updated, "There is no such API key.")

    def _find(self, condition: ColumnElement[bool]) -> ApiKey | None:
        row = self._session.scalar(select(models.ApiKey).where(condition))
        return _from_row(row) if row else None


def _changeable(key: ApiKey) -> dict[str, Any]:
    return {
        "scopes": sorted(key.scopes),
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "secret_hash": key.secret_hash,
        "previous_hash": key.previous_hash,
        "previous_until": key.previous_until,
        "last_used_at": key.last_used_at,
    }


def _from_row(row: models.ApiKey) -> ApiKey:
    return ApiKey(
        name=row.name,
        prefix=row.prefix,
        secret_hash=row.secret_hash,
        scopes=frozenset(Scope(scope) for scope in row.scopes),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        previous_hash=row.previous_hash,
        previous_until=row.previous_until,
        last_used_at=row.last_used_at,
    )
