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


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(InvalidSetting, match=r"MOVIES_LOGLEVEL .* MOVIES_LOG_LEVEL"):
        load_settings({"MOVIES_LOGLEVEL": "debug"})


def test_an_unknown_name_in_dotenv_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MOVIES_SEEDS=on\n")
    with pytest.raises(InvalidSetting, match=r"MOVIES_SEEDS .* MOVIES_SEED"):
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
