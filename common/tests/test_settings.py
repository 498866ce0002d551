from pathlib import Path

import pytest

from common.errors import InvalidSetting
from common.settings import load_settings, setting_names


@pytest.fixture(autouse=True)
def _empty_working_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Isolate the tests from the developer's `.env`."""
    monkeypatch.chdir(tmp_path)


def test_loads_defaults_without_configuration() -> None:
    settings = load_settings()
    assert settings.database_url == "sqlite:///movies.db"
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.read_omdb_key() is None


def test_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "9000")
    monkeypatch.setenv("MOVIES_CORS_ORIGINS", "https://a.example, https://b.example")
    settings = load_settings()
    assert settings.port == 9000
    assert settings.cors_origins == ("https://a.example", "https://b.example")


def test_reads_dotenv(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OMDB_API_KEY=abc\nUNRELATED=1\n")
    assert load_settings().read_omdb_key() == "abc"


def test_ignores_an_empty_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMDB_API_KEY", "")
    assert load_settings().read_omdb_key() is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("MOVIES_SEED", "maybe"),
        ("DATABASE_URL", "oracle://user:hunter2@host/db"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("OMDB_URL", "ftp://hunter2.example"),
        ("MOVIES_MAX_BODY_BYTES", "0"),
        ("MOVIES_LOG_LEVEL", "loud"),
        ("MOVIES_RATE_LIMIT_REQUESTS", "many"),
        ("MOVIES_RATE_LIMIT_ADDS", "0/minute"),
        ("MOVIES_RATE_LIMIT_REDIS_URL", "http://hunter2"),
        ("MOVIES_TRUSTED_PROXIES", "10.0.0.0/8, hunter2"),
    ],
)
def test_reports_an_invalid_value_in_one_line_with_the_name_of_the_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSetting) as raised:
        load_settings()
    assert raised.value.message.startswith(f"{name}: ")
    assert "\n" not in raised.value.message
    assert "hunter2" not in raised.value.message


@pytest.mark.parametrize(
    ("value", "expected"), [("1", "on"), ("True", "on"), ("ON", "on"), ("no", "off"), ("0", "off")]
)
def test_accepts_the_usual_spellings_of_a_switch(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: str
) -> None:
    monkeypatch.setenv("MOVIES_ADD_REQUIRES_AUTHENTICATION", value)
    assert load_settings().add_requires_authentication == expected


def test_accepts_addresses_and_networks_of_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVIES_TRUSTED_PROXIES", "10.0.0.0/8, 2001:db8::1")
    monkeypatch.setenv("MOVIES_RATE_LIMIT_REDIS_URL", "redis://:hunter2@localhost:6379/0")
    settings = load_settings()
    assert [str(network) for network in settings.trusted_proxies] == [
        "10.0.0.0/8",
        "2001:db8::1/128",
    ]
    assert "hunter2" not in repr(settings)


def test_reads_jwt_secrets_in_order_from_value_or_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert load_settings().read_jwt_secrets() == ()
    path = tmp_path / "secrets"
    path.write_text(f"{'n' * 32}\n{'o' * 32}\n")
    monkeypatch.setenv("MOVIES_JWT_SECRET_FILE", str(path))
    assert load_settings().read_jwt_secrets() == (b"n" * 32, b"o" * 32)
    monkeypatch.setenv("MOVIES_JWT_SECRET", "n" * 32)
    with pytest.raises(InvalidSetting, match="not both"):
        load_settings()
    monkeypatch.delenv("MOVIES_JWT_SECRET_FILE")
    assert load_settings().read_jwt_secrets() == (b"n" * 32,)
    monkeypatch.setenv("MOVIES_JWT_SECRET", f"{'n' * 32} {'o' * 31}")
    with pytest.raises(InvalidSetting, match="32 bytes"):
        load_settings().read_jwt_secrets()


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("MOVIES_LOGLEVEL", "MOVIES_LOG_LEVEL"),
        ("MOVIES_PORT", "PORT"),
        ("MOVIES_HOST", "HOST"),
        ("movies_database_url", "DATABASE_URL"),
        ("MOVIES_OMDB_API_KEY", "OMDB_API_KEY"),
        ("OMDB_API_KEYS", "OMDB_API_KEY"),
    ],
)
def test_rejects_an_unknown_name_and_suggests_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(InvalidSetting, match=f"^{name} is not .* the nearest one is {nearest}\\.$"):
        load_settings({name: "1"})


def test_rejects_an_unknown_name_in_dotenv(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MOVIES_SEEDS=on\n")
    with pytest.raises(InvalidSetting, match=r"MOVIES_SEEDS .* MOVIES_SEED"):
        load_settings()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"MOVIES_FETCH_BACKEND": "pubsub"}, "needs MOVIES_PUBSUB_TOPIC"),
        ({"MOVIES_PUBSUB_PUSH_AUDIENCE": "a"}, "MOVIES_PUBSUB_PUSH_EMAIL"),
        ({"MOVIES_PUBSUB_PUSH_EMAIL": "e@x.y"}, "MOVIES_PUBSUB_PUSH_AUDIENCE"),
        ({"MOVIES_PUBSUB_TOPIC": "fetches"}, "MOVIES_PUBSUB_TOPIC"),
        ({"MOVIES_PUBSUB_SUBSCRIPTION": "projects/p/topics/t12"}, "MOVIES_PUBSUB_SUBSCRIPTION"),
        ({"OMDB_DAILY_LIMIT": "0"}, "OMDB_DAILY_LIMIT"),
    ],
)
def test_rejects_incomplete_or_malformed_settings(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], message: str
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSetting, match=message):
        load_settings()


def test_rejects_a_key_together_with_a_key_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMDB_API_KEY", "abc")
    monkeypatch.setenv("OMDB_API_KEY_FILE", "key.txt")
    with pytest.raises(InvalidSetting, match="not both"):
        load_settings()


def test_reads_the_key_from_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key.txt").write_text("abc\n")
    monkeypatch.setenv("OMDB_API_KEY_FILE", "key.txt")
    assert load_settings().read_omdb_key() == "abc"


@pytest.mark.parametrize("content", [None, b"", b"\xff"])
def test_rejects_an_unusable_key_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "key.txt").write_bytes(content)
    monkeypatch.setenv("OMDB_API_KEY_FILE", "key.txt")
    with pytest.raises(InvalidSetting, match="OMDB_API_KEY_FILE"):
        load_settings().read_omdb_key()


def test_masks_secrets_in_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMDB_API_KEY", "hunter2")
    assert "hunter2" not in repr(load_settings())


def test_the_reference_lists_every_setting() -> None:
    reference = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"
    text = reference.read_text(encoding="utf-8")
    assert [name for name in setting_names() if f"| `{name}` |" not in text] == []


def test_default_ingest_source_is_the_updates_folder_if_it_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MOVIES_INGEST_SOURCE")
    assert load_settings().ingest_source is None
    (tmp_path / "updates").mkdir()
    assert load_settings().ingest_source == "dir:updates"
    monkeypatch.setenv("MOVIES_INGEST_SOURCE", "OFF")
    assert load_settings().ingest_source is None
    monkeypatch.setenv("MOVIES_INGEST_SOURCE", "s3://drop")
    assert load_settings().ingest_source == "s3://drop"
