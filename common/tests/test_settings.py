from pathlib import Path

import pytest

from common.errors import InvalidSetting
from common.settings import load_settings, setting_names


@pytest.fixture(autouse=True)
def _empty_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No .env of the developer reaches these tests."""
    monkeypatch.chdir(tmp_path)


def test_defaults_just_work() -> None:
    settings = load_settings()
    assert settings.database_url == "sqlite:///movies.db"
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.find_omdb_key() is None


def test_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "9000")
    monkeypatch.setenv("MOVIES_CORS_ORIGINS", "https://a.example, https://b.example")
    settings = load_settings()
    assert settings.port == 9000
    assert settings.cors_origins == ("https://a.example", "https://b.example")


def test_reads_dotenv(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OMDB_API_KEY=abc\nUNRELATED=1\n")
    assert load_settings().find_omdb_key() == "abc"


def test_an_empty_value_is_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMDB_API_KEY", "")
    assert load_settings().find_omdb_key() is None


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
        ("MOVIES_LIMIT_REQUESTS", "many"),
        ("MOVIES_LIMIT_ADDS", "0/minute"),
        ("MOVIES_LIMIT_REDIS_URL", "http://hunter2"),
        ("MOVIES_TRUSTED_PROXIES", "10.0.0.0/8, hunter2"),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_the_setting(
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
def test_a_switch_is_written_in_many_ways(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: str
) -> None:
    monkeypatch.setenv("MOVIES_ADD_REQUIRES_KEY", value)
    assert load_settings().add_requires_key == expected


def test_proxies_are_addresses_and_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVIES_TRUSTED_PROXIES", "10.0.0.0/8, 2001:db8::1")
    monkeypatch.setenv("MOVIES_LIMIT_REDIS_URL", "redis://:hunter2@localhost:6379/0")
    settings = load_settings()
    assert [str(network) for network in settings.trusted_proxies] == [
        "10.0.0.0/8",
        "2001:db8::1/128",
    ]
    assert "hunter2" not in repr(settings)


def test_secrets_of_tokens_come_newest_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert load_settings().find_jwt_secrets() == ()
    path = tmp_path / "secrets"
    path.write_text(f"{'n' * 32}\n{'o' * 32}\n")
    monkeypatch.setenv("MOVIES_JWT_SECRET_FILE", str(path))
    assert load_settings().find_jwt_secrets() == (b"n" * 32, b"o" * 32)
    monkeypatch.setenv("MOVIES_JWT_SECRET", "n" * 32)
    with pytest.raises(InvalidSetting, match="not both"):
        load_settings()
    monkeypatch.delenv("MOVIES_JWT_SECRET_FILE")
    assert load_settings().find_jwt_secrets() == (b"n" * 32,)
    monkeypatch.setenv("MOVIES_JWT_SECRET", f"{'n' * 32} {'o' * 31}")
    with pytest.raises(InvalidSetting, match="32 bytes"):
        load_settings().find_jwt_secrets()


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(InvalidSetting, match=r"MOVIES_LOGLEVEL .* MOVIES_LOG_LEVEL"):
        load_settings({"MOVIES_LOGLEVEL": "debug"})


def test_an_unknown_name_in_dotenv_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MOVIES_SEEDS=on\n")
    with pytest.raises(InvalidSetting, match=r"MOVIES_SEEDS .* MOVIES_SEED"):
        load_settings()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"MOVIES_FETCH_ENGINE": "pubsub"}, "needs MOVIES_PUBSUB_TOPIC"),
        ({"MOVIES_PUBSUB_PUSH_AUDIENCE": "a"}, "MOVIES_PUBSUB_PUSH_EMAIL"),
        ({"MOVIES_PUBSUB_PUSH_EMAIL": "e@x.y"}, "MOVIES_PUBSUB_PUSH_AUDIENCE"),
        ({"MOVIES_PUBSUB_TOPIC": "fetches"}, "MOVIES_PUBSUB_TOPIC"),
        ({"MOVIES_PUBSUB_SUBSCRIPTION": "projects/p/topics/t12"}, "MOVIES_PUBSUB_SUBSCRIPTION"),
        ({"OMDB_DAILY_LIMIT": "0"}, "OMDB_DAILY_LIMIT"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], said: str
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSetting, match=said):
        load_settings()


def test_two_keys_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMDB_API_KEY", "abc")
    monkeypatch.setenv("OMDB_API_KEY_FILE", "key.txt")
    with pytest.raises(InvalidSetting, match="not both"):
        load_settings()


def test_reads_the_key_from_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key.txt").write_text("abc\n")
    monkeypatch.setenv("OMDB_API_KEY_FILE", "key.txt")
    assert load_settings().find_omdb_key() == "abc"


@pytest.mark.parametrize("content", [None, b"", b"\xff"])
def test_a_key_file_that_gives_no_key_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "key.txt").write_bytes(content)
    monkeypatch.setenv("OMDB_API_KEY_FILE", "key.txt")
    with pytest.raises(InvalidSetting, match="OMDB_API_KEY_FILE"):
        load_settings().find_omdb_key()


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMDB_API_KEY", "hunter2")
    assert "hunter2" not in repr(load_settings())


def test_readme_lists_every_setting() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    assert [name for name in setting_names() if f"`{name}`" not in readme] == []


def test_updates_come_from_a_folder_where_there_is_one(
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
