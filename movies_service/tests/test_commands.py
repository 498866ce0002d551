import getpass
import json
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from common.cli.exit_codes import ExitCode
from common.errors import InvalidInput
from movies_service.app import create_api
from movies_service.cli.app import app
from movies_service.cli.users import _read_password

pytestmark = pytest.mark.integration

PACKAGE = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands work on a database that is not there yet."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'movies.db'}")
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, code: int = 0, told: str = "") -> tuple[str, str]:
    """What a command prints: its answer, and what it says beside."""
    result = CliRunner().invoke(app, arguments, input=told)
    assert result.exit_code == code, result.output
    return result.stdout, result.stderr


def test_keys_are_made_listed_and_revoked() -> None:
    secret, remark = run("keys", "create", "robot", "--scope", "movies:delete", "--days", "3")
    assert secret.startswith("mvs_")
    assert secret.strip() not in remark
    assert "not shown again" in remark
    run("keys", "create", "boss", "--scope", "admin")
    listed, _ = run("keys", "list")
    assert "robot" in listed
    assert "never" in listed
    assert secret.strip() not in listed
    run("keys", "revoke", "robot")
    rows = json.loads(run("keys", "list", "--json")[0])
    assert [(row["name"], row["state"]) for row in rows] == [
        ("robot", "revoked"),
        ("boss", "valid"),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["keys", "revoke", "nobody"], "There is no API key of this name"),
        (["keys", "create", " ", "--scope", "admin"], "A name has 1 to 300 characters"),
        (["keys", "create", "x" * 301, "--scope", "admin"], "A name has 1 to 300 characters"),
        (["keys", "create", "x"], "Missing option"),
        (["keys", "create", "x", "--scope", "fly"], "Invalid value"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(arguments: list[str], message: str) -> None:
    _, remark = run(*arguments, code=ExitCode.USAGE)
    assert message in remark


def test_a_name_is_taken_once() -> None:
    run("keys", "create", "robot", "--scope", "admin")
    _, remark = run("keys", "create", "robot", "--scope", "admin", code=ExitCode.USAGE)
    assert "choose another one" in remark


def test_users_are_made_listed_disabled_and_changed(tmp_path: Path) -> None:
    _, remark = run("users", "add", "alice", "--scope", "movies:write", told="correct horse\n")
    assert "Made." in remark
    run("users", "add", "bob", told="correct horse\n")
    run("users", "disable", "alice")
    run("users", "passwd", "bob", told="another password\n")
    rows = json.loads(run("users", "list", "--json")[0])
    assert rows == [
        {"username": "alice", "state": "disabled", "scopes": "movies:write"},
        {"username": "bob", "state": "valid", "scopes": ""},
    ]
    run("users", "enable", "alice")
    listed, _ = run("users", "list")
    assert listed.split() == [
        "USERNAME",
        "STATE",
        "SCOPES",
        "alice",
        "valid",
        "movies:write",
        "bob",
        "valid",
    ]
    for arguments, told, message in (
        (["add", "bob"], "correct horse\n", "choose another one"),
        (["add", "Carol"], "correct horse\n", "A username has"),
        (["add", "carol"], "short\n", "A password has 10 to 256 characters"),
        (["add", "carol"], "", "A password has 10 to 256 characters"),
        (["passwd", "carol"], "correct horse\n", "There is no user of this name"),
        (["disable", "carol"], "", "There is no user of this name"),
    ):
        assert message in run("users", *arguments, told=told, code=ExitCode.USAGE)[1]


def test_a_password_is_asked_for_twice_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["correct horse", "correct horse", "correct horse", "correct house"])
    monkeypatch.setattr(getpass, "getpass", lambda _prompt: next(answers))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    assert _read_password() == "correct horse"
    with pytest.raises(InvalidInput, match="differ"):
        _read_password()


def test_the_signing_key_is_rotated_where_the_database_keeps_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for option in ([], ["--at-once"]):
        assert "Rotated." in run("users", "rotate-signing-key", *option)[1]
    monkeypatch.setenv("MOVIES_JWT_SECRET", "x" * 32)
    _, remark = run("users", "rotate-signing-key", code=ExitCode.USAGE)
    assert "MOVIES_JWT_SECRET" in remark


def test_migrating_twice_is_no_error() -> None:
    for _ in range(2):
        assert "newest" in run("migrate")[1]


def test_a_database_that_cannot_be_opened_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'missing' / 'movies.db'}")
    for command in (["migrate"], ["keys", "list"]):
        _, remark = run(*command, code=ExitCode.DATABASE)
        assert "check DATABASE_URL" in remark


def test_a_wrong_setting_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVIES_SEEDS", "on")
    for command in (["serve"], ["migrate"], ["keys", "list"]):
        _, remark = run(*command, code=ExitCode.USAGE)
        assert "MOVIES_SEEDS" in remark


def test_the_description_is_the_one_that_is_served_and_kept() -> None:
    served = create_api().openapi()
    assert json.loads(run("openapi")[0]) == served
    kept = (PACKAGE / "oas.yaml").read_text(encoding="utf-8")
    assert kept == run("openapi", "--format", "yaml")[0], "run: make openapi"
    assert yaml.safe_load(kept) == json.loads(json.dumps(served))


@pytest.mark.parametrize("command", [[], ["serve"], ["keys"], ["keys", "create"], ["openapi"]])
def test_help_reads_well(command: list[str]) -> None:
    text, _ = run(*command, "--help")
    assert "Usage:" in text
