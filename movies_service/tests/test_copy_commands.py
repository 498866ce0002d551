import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from common.cli.exit_codes import ExitCode
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from movies_service.cli.app import app
from movies_service.tests.conftest import store

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _settings(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands work on a catalogue of two films."""
    store(database.unit_of_work, MovieFacts(title="Alien"), MovieFacts(title="Brazil"))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'movies.db'}")
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, code: int = 0, said: bytes = b"") -> tuple[str, str]:
    """What a command prints: its answer, and what it says beside."""
    result = CliRunner().invoke(app, arguments, input=said)
    assert result.exit_code == code, result.output
    return result.stdout, result.stderr


def test_copies_the_catalogue_of_the_settings(tmp_path: Path) -> None:
    answer, remark = run("copy", "--to", f"sqlite:///{tmp_path / 'other.db'}")
    assert answer.startswith("2 films copied and compared in ")
    assert "2/2" in remark
    from_other = ("--from", "sqlite:///other.db", "--to", "sqlite:///third.db")
    answer, _ = run("copy", *from_other, "--json")
    assert json.loads(answer)["films"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["copy", "--to", "redis://localhost"], "--to: it must be sqlite:///"),
        (["copy", "--from", "movies.db", "--to", "sqlite:///x.db"], "--from: it must be"),
        (["copy", "--from", "sqlite:///a.db", "--to", "sqlite:///a.db"], "the same database"),
        (["copy", "--from", "sqlite:///typo.db", "--to", "sqlite:///x.db"], "no such SQLite file"),
        (["backup", "movies.db"], "there already"),
        (["export", "movies.db"], "there already"),
        (["export", "missing/films.ndjson"], "can't be written"),
        (["import", "missing.ndjson"], "can't be read"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(arguments: list[str], message: str) -> None:
    _, remark = run(*arguments, code=ExitCode.USAGE)
    assert message in remark


@pytest.mark.parametrize("command", ["backup", "export"])
def test_a_database_that_is_misspelt_is_not_made(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:///typo.db")
    _, remark = run(command, "out", code=ExitCode.USAGE)
    assert "no such SQLite file" in remark
    assert not (tmp_path / "typo.db").exists()


def test_backs_up(tmp_path: Path) -> None:
    _, remark = run("backup", "backup.db")
    assert "The backup is backup.db." in remark
    backup = Database(f"sqlite:///{tmp_path / 'backup.db'}")
    assert backup.is_current()
    backup.close()


def test_exports_and_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, remark = run("export", "films.ndjson")
    assert "2 films exported." in remark
    lines, _ = run("export")
    assert lines.encode() == (tmp_path / "films.ndjson").read_bytes()
    monkeypatch.setenv("DATABASE_URL", "sqlite:///new.db")
    _, remark = run("import", "films.ndjson")
    assert "Films added: 2; there already: 0; lines that are no film: 0." in remark
    _, remark = run("import", "-", said=lines.encode() + b"nonsense", code=ExitCode.PARTLY)
    assert "Line 3: Invalid JSON" in remark
    assert "Films added: 0; there already: 2; lines that are no film: 1." in remark
    run("import", "-", said=b"nonsense", code=ExitCode.USAGE)
