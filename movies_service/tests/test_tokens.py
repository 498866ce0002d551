"""Tests of access tokens and signing keys; every forged token gets a 401."""

import base64
import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from fastapi.testclient import TestClient
from pwdlib import PasswordHash

from common.clock import utc_now
from common.errors import InvalidInput, Unauthenticated
from data_layer.database import Database
from data_layer.entities.scope import Scope
from data_layer.testing.fakes.unit_of_work import FakeDatabase
from movies_service.accounts import passwords
from movies_service.accounts.access_tokens import Claims, issue, read
from movies_service.accounts.caller import COMMAND_LINE
from movies_service.accounts.passwords import _DUMMY_HASH, hash_password, is_same_password
from movies_service.accounts.signing_keys import ACCESS_SECONDS, SigningKeys
from movies_service.accounts.users import Users
from movies_service.api.dependencies.use_cases import Policy
from movies_service.tests.conftest import SmallOmdb, new_client
from movies_service.tests.test_users import PASSWORD, bearer, sign_in

SECRET, OTHER = b"s" * 32, b"o" * 32
KID = SigningKeys(FakeDatabase(), [SECRET]).current()[0]


@pytest.fixture
def client(database: Database, omdb: SmallOmdb) -> Iterator[TestClient]:
    """Yield a client of a service with a known signing secret and two users."""
    Users(database.unit_of_work).add("alice", PASSWORD, {Scope.ADMIN}, COMMAND_LINE)
    Users(database.unit_of_work).add("bob", PASSWORD, set(), COMMAND_LINE)
    with new_client(database, omdb, policy=Policy(jwt_secrets=(SECRET,))) as opened:
        yield opened


def segment(value: object) -> str:
    """Return a segment of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def forged(
    token: str, secret: bytes = SECRET, header: dict[str, Any] | None = None, **claims: object
) -> str:
    """Return the token with other claims; claims that are `None` are omitted."""
    payload = jwt.decode(token, options={"verify_signature": False}) | claims
    payload = {name: value for name, value in payload.items() if value is not None}
    return jwt.encode(payload, secret, "HS256", headers=header or {"kid": KID})


NOW = int(utc_now().timestamp())

ATTACKS: dict[str, Any] = {
    "empty": lambda token: "",
    "truncated": lambda token: token[:-1],
    "without signature": lambda token: token.rpartition(".")[0] + ".",
    "two parts": lambda token: token.rpartition(".")[0],
    "no base64": lambda token: "a.b.c",
    "not ascii": lambda token: "é.é.é",
    "alg none": lambda token: ".".join(
        [segment({"alg": "none", "kid": KID}), token.split(".")[1], ""]
    ),
    "alg None": lambda token: ".".join(
        [segment({"alg": "NoNe", "kid": KID}), token.split(".")[1], token.split(".")[2]]
    ),
    "another algorithm": lambda token: jwt.encode(
        jwt.decode(token, options={"verify_signature": False}),
        SECRET * 2,
        "HS512",
        headers={"kid": KID},
    ),
    "another secret": lambda token: forged(token, OTHER),
    "foreign kid": lambda token: forged(token, OTHER, {"kid": "other"}),
    "kid is a path": lambda token: forged(token, OTHER, {"kid": "../../dev/null"}),
    "kid is a list": lambda token: ".".join(
        [segment({"alg": "HS256", "kid": ["x"]}), *token.split(".")[1:]]
    ),
    "no kid": lambda token: jwt.encode({"sub": "alice"}, SECRET, "HS256"),
    "key in the header": lambda token: forged(
        token, OTHER, {"kid": KID, "jwk": {"kty": "oct", "k": "b28"}}
    ),
    "expired": lambda token: forged(token, exp=NOW - 1),
    "not yet issued": lambda token: forged(token, iat=NOW + 100_000),
    "not before": lambda token: forged(token, nbf=NOW + 100_000),
    "another audience": lambda token: forged(token, aud="another"),
    "another issuer": lambda token: forged(token, iss="another"),
    "another user": lambda token: forged(token, sub="bob"),
    "unknown user": lambda token: forged(token, sub="carol"),
    "unknown session": lambda token: forged(token, sid="0" * 32),
    **{
        f"without {claim}": lambda token, claim=claim: forged(token, SECRET, None, **{claim: None})
        for claim in ("exp", "iat", "sub", "iss", "aud", "jti", "sid")
    },
    "sub is a number": lambda token: forged(token, sub=7),
    "exp is a text": lambda token: forged(token, exp="never"),
    "payload is a list": lambda token: jwt.api_jws.encode(b"[]", SECRET, headers={"kid": KID}),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_rejects_a_forged_token(client: TestClient, attack: str) -> None:
    token = sign_in(client)["access_token"]
    forgery = ATTACKS[attack](token)
    assert forgery != token
    headers = {b"Authorization": f"Bearer {forgery}".encode()}
    for method, path in (("GET", "/me"), ("GET", "/movies"), ("DELETE", "/movies/1")):
        response = client.request(method, path, headers=headers)
        assert response.status_code == 401, attack
        assert response.json()["code"] == "unauthenticated"
        assert "Bearer" in response.headers["www-authenticate"]
    assert client.get("/me", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert (
        client.get("/me", headers={"Authorization": f"Bearer {forged(token)}"}).status_code == 200
    )


@pytest.mark.parametrize("value", ["", "Basic YWxpY2U6eA==", "Bearer", "Bearer ", "Token x"])
def test_rejects_an_invalid_authorization_header(client: TestClient, value: str) -> None:
    for path in ("/movies", "/movies/1", "/me", "/health/live"):
        assert client.get(path, headers={"Authorization": value}).status_code == 401


@pytest.mark.parametrize("scheme", ["Basic", "Token", "bearerx", "a"])
def test_rejects_a_valid_token_in_another_scheme(client: TestClient, scheme: str) -> None:
    token = sign_in(client)["access_token"]
    assert client.get("/me", headers={"Authorization": f"{scheme} {token}"}).status_code == 401
    assert client.get("/me", headers={"Authorization": f"BEARER  {token}"}).status_code == 200


def test_rejects_two_credentials(client: TestClient) -> None:
    headers = bearer(sign_in(client)) | {"X-API-Key": "x"}
    assert client.get("/me", headers=headers).json()["detail"].startswith("Send one")


def test_configured_secrets_sign_and_can_be_rotated(client: TestClient, database: Database) -> None:
    token = sign_in(client)["access_token"]
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "kid": KID, "typ": "JWT"}
    with new_client(database, SmallOmdb(), policy=Policy(jwt_secrets=(OTHER, SECRET))) as rotated:
        assert rotated.get("/me", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        new = sign_in(rotated)
        assert jwt.get_unverified_header(new["access_token"])["kid"] != KID
    assert client.get("/me", headers=bearer(new)).status_code == 401


def test_rotates_the_signing_key_of_the_database() -> None:
    now = utc_now() - dt.timedelta(seconds=10)
    database = FakeDatabase()
    keys = SigningKeys(database, now=lambda: now)
    claims = Claims("alice", "0")
    first = issue(claims, "1", *keys.current(), now)
    assert len(keys.current()[1]) == 32
    assert keys.current() == keys.current()
    now += dt.timedelta(seconds=1)
    keys.rotate(COMMAND_LINE)
    second = issue(claims, "2", *keys.current(), now)
    with database(is_read_only=True) as uow:
        assert (
            read(first, keys.list_accepted(uow)) == read(second, keys.list_accepted(uow)) == claims
        )
        now += dt.timedelta(seconds=ACCESS_SECONDS)
        assert list(keys.list_accepted(uow)) == [keys.current()[0]]
    now += dt.timedelta(seconds=1)
    keys.rotate(COMMAND_LINE)
    assert len(database.signing_keys) == 2
    keys.rotate(COMMAND_LINE, revokes_existing=True)
    with database(is_read_only=True) as uow, pytest.raises(Unauthenticated):
        read(second, keys.list_accepted(uow))
    assert len(database.signing_keys) == 1


def test_a_token_contains_the_session_and_expires_after_15_minutes() -> None:
    now = utc_now()
    token = issue(Claims("alice", "7"), "0f", KID, SECRET, now)
    payload = jwt.decode(token, options={"verify_signature": False})
    assert payload == {
        "jti": "0f",
        "exp": int(now.timestamp()) + 900,
        "iat": int(now.timestamp()),
        "sub": "alice",
        "iss": "movies-api",
        "aud": "movies-api",
        "sid": "7",
    }


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_rejects_tokens_signed_with_a_short_secret() -> None:
    token = issue(Claims("alice", "7"), "1", "short", b"x" * 31, utc_now())
    with pytest.raises(Unauthenticated):
        read(token, {"short": b"x" * 31})
    assert read(issue(Claims("a", "7"), "1", "long", b"x" * 32, utc_now()), {"long": b"x" * 32})


def test_a_replaced_key_is_accepted_until_its_tokens_expire() -> None:
    now = start = utc_now()
    database = FakeDatabase()
    keys = SigningKeys(database, now=lambda: now)
    first = keys.current()[0]
    assert re.fullmatch("[0-9a-f]{16}", first)
    now += dt.timedelta(days=1)
    keys.rotate(COMMAND_LINE)
    second = keys.current()[0]
    with database(is_read_only=True) as uow:
        now = start + dt.timedelta(days=1, seconds=899)
        assert set(keys.list_accepted(uow)) == {first, second}
        now += dt.timedelta(seconds=1)
        assert set(keys.list_accepted(uow)) == {second}
        now += dt.timedelta(days=1)
        assert set(keys.list_accepted(uow)) == {second}
        assert len(keys.list_secrets(uow)) == 2
    assert [entry.action for entry in database.audit] == ["signing_key.rotated"]
    assert database.audit[0].subject == second


def test_the_key_id_of_a_configured_secret_is_its_hash() -> None:
    keys = SigningKeys(FakeDatabase(), [SECRET, OTHER])
    assert keys.current() == (hashlib.sha256(SECRET).hexdigest()[:16], SECRET)
    with FakeDatabase()() as uow:
        assert (
            list(keys.list_accepted(uow).values())
            == list(keys.list_secrets(uow))
            == [SECRET, OTHER]
        )


@pytest.mark.parametrize(
    ("length", "is_accepted"), [(9, False), (10, True), (256, True), (257, False)]
)
def test_limits_the_length_of_passwords(length: int, *, is_accepted: bool) -> None:
    password = "é" * length
    if not is_accepted:
        with pytest.raises(InvalidInput) as raised:
            hash_password(password, "new_password")
        assert raised.value.field == "new_password"
    else:
        assert is_same_password(password, hash_password(password))
        assert not is_same_password(password[:-1] + "e", hash_password(password))
    if length == 257:
        assert not is_same_password(password, passwords._ARGON2ID.hash(password))
    with pytest.raises(InvalidInput) as raised:
        hash_password("x" * 9 + "\x00")
    assert raised.value.field == "password"


def test_processes_that_start_together_create_one_key() -> None:
    database = FakeDatabase()
    keys = SigningKeys(database)
    first = keys._make_first()  # Another process creates the key between the read and the write.
    assert keys._make_first() == first


def test_the_password_check_of_an_unknown_user_takes_as_long_as_of_a_known_one() -> None:
    real_hash = PasswordHash.recommended().hash("x" * 10)
    assert _DUMMY_HASH.split("$")[:4] == real_hash.split("$")[:4]
    assert len(_DUMMY_HASH) == len(real_hash)
