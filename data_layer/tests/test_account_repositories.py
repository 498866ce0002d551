"""Contract tests of users, sessions, signing keys, the audit log and idempotency records."""

import dataclasses
import datetime as dt

import pytest

from common.errors import Conflict, NotFound
from data_layer.entities.audit_entry import AuditEntry, AuditQuery
from data_layer.entities.idempotency_record import ROW_BYTES, IdempotencyRecord
from data_layer.entities.scope import Scope
from data_layer.entities.session import Session
from data_layer.entities.signing_key import SigningKey
from data_layer.entities.user import User
from data_layer.ports.unit_of_work import UnitOfWorkFactory

NOW = dt.datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)

ALICE = User(
    username="alice",
    password_hash="$argon2id$…",
    scopes=frozenset({Scope.OPS_READ, Scope.USERS_ADMIN}),
    created_at=NOW,
)
SESSION = Session(
    id="0" * 32,
    username="alice",
    refresh_hash=bytes(range(32)),
    address="192.0.2.1",
    created_at=NOW,
    expires_at=NOW + SECOND,
)
ENTRY = AuditEntry(
    at=NOW,
    action="movie.changed",
    subject="/movies/7",
    caller="user:alice",
    address="192.0.2.1",
    request_id="abc",
    fields=("plot", "year"),
)
IDEMPOTENCY_RECORD = IdempotencyRecord(
    id=bytes(range(32)), request_fingerprint=bytes(32), locked_until=NOW, expires_at=NOW + SECOND
)


def test_stores_updates_and_lists_users_by_name(unit_of_work: UnitOfWorkFactory) -> None:
    zoe = dataclasses.replace(ALICE, username="zoe", scopes=frozenset())
    disabled = dataclasses.replace(ALICE, password_hash="x", disabled_at=NOW, scopes=frozenset())
    with unit_of_work() as uow:
        uow.users.add(zoe)
        uow.users.add(ALICE)
        uow.commit()
    with unit_of_work() as uow:
        assert uow.users.find("alice") == ALICE
        assert uow.users.find("Alice") is None
        assert uow.users.list() == (ALICE, zoe)
        uow.users.update(disabled)
        assert uow.users.list() == (disabled, zoe)
        with pytest.raises(NotFound):
            uow.users.update(dataclasses.replace(ALICE, username="bob"))


def test_rejects_a_second_user_with_the_same_name(unit_of_work: UnitOfWorkFactory) -> None:
    with pytest.raises(Conflict), unit_of_work() as uow:
        uow.users.add(ALICE)
        uow.users.add(ALICE)


def test_ends_sessions_and_deletes_expired_ones(unit_of_work: UnitOfWorkFactory) -> None:
    ended = dataclasses.replace(SESSION, id="1" * 32, ended_at=NOW - SECOND)
    later = dataclasses.replace(SESSION, id="2" * 32, expires_at=NOW + 2 * SECOND)
    with unit_of_work() as uow:
        uow.users.add(ALICE)
        for session in (SESSION, ended, later):
            uow.sessions.add(session)
        uow.commit()
    with unit_of_work() as uow:
        assert uow.sessions.find(SESSION.id) == SESSION
        assert uow.sessions.find("3" * 32) is None
        assert {each.id[0] for each in uow.sessions.list_by_user("alice")} == {"0", "1", "2"}
        assert uow.sessions.list_by_user("bob") == ()
        rotated = dataclasses.replace(SESSION, refresh_hash=bytes(32))
        uow.sessions.update(rotated)
        assert uow.sessions.find(SESSION.id) == rotated
        with pytest.raises(NotFound):
            uow.sessions.update(dataclasses.replace(SESSION, id="3" * 32))
        uow.sessions.end_all("bob", NOW)
        assert uow.sessions.find(later.id) == later
        uow.sessions.end_all("alice", NOW)
        assert uow.sessions.find(later.id) == dataclasses.replace(later, ended_at=NOW)
        assert uow.sessions.find(ended.id) == ended
        uow.sessions.delete_before(NOW + 2 * SECOND)
        assert [each.id for each in uow.sessions.list_by_user("alice")] == [later.id]


def test_lists_signing_keys_newest_first(unit_of_work: UnitOfWorkFactory) -> None:
    old = SigningKey(id="old", secret=bytes(range(32)), created_at=NOW)
    new = SigningKey(id="new", secret=bytes(32), created_at=NOW + SECOND)
    with unit_of_work() as uow:
        uow.signing_keys.add(old)
        uow.signing_keys.add(new)
        assert uow.signing_keys.list() == (new, old)
        uow.signing_keys.remove("new")
        uow.signing_keys.remove("new")
        assert uow.signing_keys.list() == (old,)
        uow.commit()


def test_lists_audit_entries_newest_first(unit_of_work: UnitOfWorkFactory) -> None:
    with unit_of_work() as uow:
        uow.audit.add_many([ENTRY])
        uow.audit.add_many([dataclasses.replace(ENTRY, caller="key:01", fields=())])
        uow.audit.add_many(
            [dataclasses.replace(ENTRY, action="movie.removed", subject="/movies/8")]
        )
        uow.commit()
    with unit_of_work(is_read_only=True) as uow:
        third, second, first = uow.audit.list(AuditQuery())
        assert dataclasses.replace(first, id=None) == ENTRY
        assert first.id is not None
        assert uow.audit.list(AuditQuery(limit=1)) == (third,)
        assert uow.audit.list(AuditQuery(before=second.id)) == (first,)
        assert uow.audit.list(AuditQuery(caller="key:01")) == (second,)
        assert uow.audit.list(AuditQuery(action="movie.removed")) == (third,)
        assert uow.audit.list(AuditQuery(subject="/movies/7", caller="user:alice")) == (first,)


def test_deletes_the_oldest_responses_beyond_a_size(unit_of_work: UnitOfWorkFactory) -> None:
    def record(caller: int, number: int, response: bytes | None) -> IdempotencyRecord:
        return dataclasses.replace(
            IDEMPOTENCY_RECORD,
            id=bytes([caller] * 16 + [number] * 16),
            expires_at=NOW + number * SECOND,
            response=response,
        )

    response = bytes(1_000)
    records = [
        *(record(255, number, response) for number in range(4)),
        record(255, 4, None),
        record(7, 0, response),
        record(255, 5, response),
    ]
    size = len(response) + ROW_BYTES
    with unit_of_work() as uow:
        for each in records:
            uow.idempotency_records.put(each)
        uow.idempotency_records.delete_beyond(3 * size, bytes([255] * 16))
        left = [each for each in records if uow.idempotency_records.find(each.id)]
        assert left == records[2:]
        uow.idempotency_records.delete_beyond(size)
        left = [each for each in records if uow.idempotency_records.find(each.id)]
        assert left == [records[4], records[6]]


def test_replaces_and_deletes_idempotency_records(unit_of_work: UnitOfWorkFactory) -> None:
    completed = dataclasses.replace(IDEMPOTENCY_RECORD, response=b"\x00" * 100_000, expires_at=NOW)
    with unit_of_work() as uow:
        assert uow.idempotency_records.find(IDEMPOTENCY_RECORD.id) is None
        uow.idempotency_records.put(IDEMPOTENCY_RECORD)
        assert uow.idempotency_records.find(IDEMPOTENCY_RECORD.id) == IDEMPOTENCY_RECORD
        uow.idempotency_records.put(completed)
        uow.commit()
    with unit_of_work() as uow:
        assert uow.idempotency_records.find(IDEMPOTENCY_RECORD.id) == completed
        uow.idempotency_records.delete_before(NOW)
        assert uow.idempotency_records.find(IDEMPOTENCY_RECORD.id) == completed
        uow.idempotency_records.delete_before(NOW + SECOND)
        assert uow.idempotency_records.find(IDEMPOTENCY_RECORD.id) is None
        uow.idempotency_records.put(IDEMPOTENCY_RECORD)
        uow.idempotency_records.remove(IDEMPOTENCY_RECORD.id)
        uow.idempotency_records.remove(IDEMPOTENCY_RECORD.id)
        assert uow.idempotency_records.find(IDEMPOTENCY_RECORD.id) is None
