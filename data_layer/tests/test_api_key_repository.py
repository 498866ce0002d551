import dataclasses
import datetime as dt

import pytest
from sqlalchemy import text

from common.errors import Conflict, NotFound
from data_layer.database import Database
from data_layer.entities.api_key import ApiKey
from data_layer.entities.scope import Scope
from data_layer.ports.unit_of_work import UnitOfWorkFactory

NOW = dt.datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=dt.UTC)

KEY = ApiKey(
    name="robot",
    prefix="mvs_00000001",
    secret_hash=bytes(range(32)),
    scopes=frozenset({Scope.MOVIES_DELETE}),
    created_at=NOW,
    expires_at=NOW + dt.timedelta(days=1),
)


def test_returns_the_stored_key(unit_of_work: UnitOfWorkFactory) -> None:
    with unit_of_work() as uow:
        uow.api_keys.add(KEY)
        uow.commit()
    with unit_of_work(is_read_only=True) as uow:
        assert uow.api_keys.find_by_prefix("mvs_00000001") == KEY
        assert uow.api_keys.find_by_name("robot") == KEY
        assert uow.api_keys.find_by_prefix("mvs_00000002") is None
        assert uow.api_keys.find_by_name("Robot") is None


def test_lists_keys_oldest_first(unit_of_work: UnitOfWorkFactory) -> None:
    other = dataclasses.replace(KEY, name="another", prefix="mvs_00000000", expires_at=None)
    with unit_of_work() as uow:
        assert uow.api_keys.list() == ()
        uow.api_keys.add(KEY)
        uow.api_keys.add(other)
        assert uow.api_keys.list() == (KEY, other)


@pytest.mark.parametrize("change", [{"name": "another"}, {"prefix": "mvs_00000002"}])
def test_rejects_a_second_key_with_the_same_name_or_prefix(
    unit_of_work: UnitOfWorkFactory, change: dict[str, str]
) -> None:
    with pytest.raises(Conflict), unit_of_work() as uow:
        uow.api_keys.add(KEY)
        uow.api_keys.add(dataclasses.replace(KEY, **change))  # type: ignore[arg-type]  # Any field.


def test_stores_a_revocation(unit_of_work: UnitOfWorkFactory) -> None:
    revoked = dataclasses.replace(KEY, revoked_at=NOW)
    with unit_of_work() as uow:
        uow.api_keys.add(KEY)
        uow.api_keys.update(revoked)
        assert uow.api_keys.find_by_name("robot") == revoked


def test_a_removed_key_leaves_its_name_free(unit_of_work: UnitOfWorkFactory) -> None:
    with unit_of_work() as uow:
        uow.api_keys.add(KEY)
        uow.api_keys.add(other := dataclasses.replace(KEY, name="another", prefix="mvs_00000002"))
        for _ in range(2):
            uow.api_keys.remove(KEY.prefix)
        assert uow.api_keys.list() == (other,)
        uow.api_keys.add(KEY)


def test_stores_a_rotation_and_the_last_use(unit_of_work: UnitOfWorkFactory) -> None:
    changed = dataclasses.replace(
        KEY,
        secret_hash=bytes(32),
        previous_hash=KEY.secret_hash,
        previous_until=NOW,
        last_used_at=NOW,
        scopes=frozenset({Scope.OPS_READ, Scope.KEYS_ADMIN}),
    )
    with unit_of_work() as uow:
        uow.api_keys.add(KEY)
        uow.api_keys.update(changed)
        assert uow.api_keys.find_by_name("robot") == changed


def test_rejects_an_update_of_an_unknown_key(unit_of_work: UnitOfWorkFactory) -> None:
    with unit_of_work() as uow, pytest.raises(NotFound):
        uow.api_keys.update(KEY)


def test_a_key_is_valid_until_it_expires_or_is_revoked() -> None:
    assert KEY.is_valid_at(NOW)
    assert not KEY.is_valid_at(NOW + dt.timedelta(days=1))
    assert not dataclasses.replace(KEY, revoked_at=NOW).is_valid_at(NOW)
    assert dataclasses.replace(KEY, expires_at=None).is_valid_at(NOW + dt.timedelta(days=9999))


def test_ignores_scopes_of_a_newer_version(any_database: Database) -> None:
    any_database.migrate()
    with any_database.unit_of_work() as uow:
        uow.api_keys.add(KEY)
        uow.commit()
    with any_database.engines.writing.begin() as connection:
        newer = '["movies:delete", "stars:paint"]'
        connection.execute(text("UPDATE api_keys SET scopes = :newer"), {"newer": newer})
    with any_database.unit_of_work(is_read_only=True) as uow:
        assert uow.api_keys.list() == (KEY,)
