import getpass
import json
import random
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from typer import Typer
from typer.testing import CliRunner

from common.cli.exit_codes import ExitCode
from common.errors import InvalidInput
from data_fetcher.cli.app import app as fetcher_app
from data_layer.database import Database
from data_layer.entities.scope import Scope
from data_layer.sql import schema
from movies_service.app import create_api
from movies_service.cli.api_keys import create
from movies_service.cli.app import app
from movies_service.cli.users import _read_password

pytestmark = pytest.mark.integration

PACKAGE = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Configure a database that does not exist yet."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'movies.db'}")
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, code: int = 0, stdin: str = "") -> tuple[str, str]:
    """Run a command, check its exit code, and return its standard output and standard error."""
    result = CliRunner().invoke(app, arguments, input=stdin)
    assert result.exit_code == code, result.output
    return result.stdout, result.stderr


def test_creates_lists_and_revokes_api_keys() -> None:
    secret, stderr = run("api-keys", "create", "robot", "--scope", "movies:delete", "--days", "3")
    assert secret.startswith("mvs_")
    assert secret.strip() not in stderr
    assert "not shown again" in stderr
    run("api-keys", "create", "boss", "--scope", "admin")
    listed, _ = run("api-keys", "list")
    assert "robot" in listed
    assert "never" in listed
    assert secret.strip() not in listed
    run("api-keys", "revoke", "robot")
    rows = json.loads(run("api-keys", "list", "--json")[0])
    assert [(row["name"], row["state"]) for row in rows] == [
        ("robot", "revoked"),
        ("boss", "valid"),
    ]


def test_a_key_whose_secret_cannot_be_printed_is_not_created(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch, pytest.raises(SystemExit) as raised:
        patch.setattr(sys, "stdout", None)
        create("robot", [Scope.ADMIN])
    assert raised.value.code == ExitCode.FAILED
    assert "can't be written" in capsys.readouterr().err
    assert json.loads(run("api-keys", "list", "--json")[0]) == []


@pytest.mark.parametrize(
    ("command", "arguments"),
    [(app, ["serve"]), (app, ["migrate"]), (fetcher_app, ["worker"]), (fetcher_app, ["seed"])],
)
def test_a_database_of_a_development_version_ends_a_command(
    command: Typer, arguments: list[str], database: Database
) -> None:
    with database.engines.writing.begin() as connection:
        schema.set_version(connection, "0006")
    result = CliRunner().invoke(command, [] if arguments == ["seed"] else arguments)
    assert result.exit_code == ExitCode.DATABASE
    assert "written by a development version (schema 0006)" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["api-keys", "create", " ", "--scope", "admin"], "A name has 1 to 300 characters"),
        (["api-keys", "create", "x" * 301, "--scope", "admin"], "A name has 1 to 300 characters"),
        (["api-keys", "create", "x"], "Missing option"),
        (["api-keys", "create", "x", "--scope", "fly"], "Invalid value"),
    ],
)
def test_reports_invalid_arguments_in_one_sentence(arguments: list[str], message: str) -> None:
    _, stderr = run(*arguments, code=ExitCode.USAGE)
    assert message in stderr


def test_an_unknown_key_cannot_be_revoked() -> None:
    run("migrate")
    assert "No API key has this name" in run("api-keys", "revoke", "robot", code=ExitCode.USAGE)[1]


def test_rejects_a_second_key_of_the_same_name() -> None:
    run("api-keys", "create", "robot", "--scope", "admin")
    _, stderr = run("api-keys", "create", "robot", "--scope", "admin", code=ExitCode.USAGE)
    assert "choose another name" in stderr


def test_creates_lists_disables_and_changes_users(tmp_path: Path) -> None:
    _, stderr = run("users", "add", "alice", "--scope", "movies:write", stdin="correct horse\n")
    assert "Created." in stderr
    run("users", "add", "bob", stdin="correct horse\n")
    run("users", "disable", "alice")
    run("users", "passwd", "bob", stdin="another password\n")
    rows = json.loads(run("users", "list", "--json")[0])
    assert rows == [
        {"username": "alice", "state": "disabled", "scopes": "movies:write"},
        {"username": "bob", "state": "valid", "scopes": ""},
    ]
    run("users", "enable", "alice")
    assert run("users", "list")[0].splitlines() == [
        "USERNAME  STATE  SCOPES",
        "alice     valid  movies:write",
        "bob       valid",
    ]
    for arguments, stdin, message in (
        (["add", "bob"], "correct horse\n", "choose another name"),
        (["add", "Carol"], "correct horse\n", "A username has"),
        (["add", "carol"], "short\n", "A password has 10 to 256 characters"),
        (["add", "carol"], "", "A password has 10 to 256 characters"),
        (["passwd", "carol"], "correct horse\n", "No user has this name"),
        (["disable", "carol"], "", "No user has this name"),
    ):
        assert message in run("users", *arguments, stdin=stdin, code=ExitCode.USAGE)[1]


def test_prompts_for_a_password_twice_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = iter(["correct horse", "correct horse", "correct horse", "correct house"])
    monkeypatch.setattr(getpass, "getpass", lambda _prompt: next(entries))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    assert _read_password() == "correct horse"
    with pytest.raises(InvalidInput, match="differ"):
        _read_password()


def test_rotates_the_signing_key_unless_a_setting_provides_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run("migrate")
    for option in ([], ["--revoke-existing"]):
        assert "Rotated." in run("users", "rotate-signing-key", *option)[1]
    monkeypatch.setenv("MOVIES_JWT_SECRET", "x" * 32)
    _, stderr = run("users", "rotate-signing-key", code=ExitCode.USAGE)
    assert "MOVIES_JWT_SECRET" in stderr


def test_migrating_twice_is_allowed() -> None:
    for _ in range(2):
        assert "up to date" in run("migrate")[1]


def test_reports_an_unusable_database_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'missing' / 'movies.db'}")
    for command in (["migrate"], ["api-keys", "create", "robot", "--scope", "admin"]):
        _, stderr = run(*command, code=ExitCode.DATABASE)
        assert "check DATABASE_URL" in stderr


CHANGES_NOTHING = [
    ["api-keys", "list"],
    ["api-keys", "revoke", "robot"],
    ["users", "list"],
    ["users", "disable", "alice"],
    ["users", "rotate-signing-key"],
    ["export"],
    ["backup", "copy.db"],
]


@pytest.mark.parametrize("command", CHANGES_NOTHING, ids=" ".join)
def test_a_command_on_a_misspelt_path_creates_nothing(command: list[str], tmp_path: Path) -> None:
    _, stderr = run(*command, code=ExitCode.USAGE)
    assert f"The SQLite file {tmp_path / 'movies.db'} does not exist" in stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", CHANGES_NOTHING[:-2], ids=" ".join)
def test_a_command_adds_no_tables_to_another_database(command: list[str], tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "movies.db")) as other:
        other.execute("CREATE TABLE other (id INTEGER)")
        _, stderr = run(*command, code=ExitCode.DATABASE)
        tables = other.execute("SELECT name FROM sqlite_master").fetchall()
    assert "schema is missing or outdated" in stderr
    assert tables == [("other",)]


@pytest.mark.parametrize("command", [["serve"], ["migrate"], ["users", "list"]], ids=" ".join)
def test_a_path_that_is_no_database_is_named(command: list[str], tmp_path: Path) -> None:
    path = tmp_path / "movies.db"
    path.write_bytes(random.Random(20).randbytes(20_000))  # noqa: S311 - No secret.
    _, stderr = run(*command, code=ExitCode.DATABASE)
    assert f"{path} is not an SQLite database" in stderr
    path.unlink()
    path.mkdir()
    _, stderr = run(*command, code=ExitCode.DATABASE)
    assert f"{path} cannot be opened" in stderr


def test_reports_an_invalid_setting_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVIES_SEEDS", "on")
    for command in (["serve"], ["migrate"], ["api-keys", "list"]):
        _, stderr = run(*command, code=ExitCode.USAGE)
        assert "MOVIES_SEEDS" in stderr


def test_the_stored_openapi_document_is_the_served_one() -> None:
    served = create_api().openapi()
    assert json.loads(run("openapi")[0]) == served
    stored = (PACKAGE / "oas.yaml").read_text(encoding="utf-8")
    assert stored == run("openapi", "--format", "yaml")[0], "run: make openapi"
    assert yaml.safe_load(stored) == json.loads(json.dumps(served))


@pytest.mark.parametrize(
    "command", [[], ["serve"], ["api-keys"], ["api-keys", "create"], ["openapi"]]
)
def test_prints_help(command: list[str]) -> None:
    text, _ = run(*command, "--help")
    assert "Usage:" in text
