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
    """Configure a catalogue of two movies."""
    store(database.unit_of_work, MovieFacts(title="Alien"), MovieFacts(title="Brazil"))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'movies.db'}")
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, code: int = 0, stdin: bytes = b"") -> tuple[str, str]:
    """Run a command, check its exit code, and return its standard output and standard error."""
    result = CliRunner().invoke(app, arguments, input=stdin)
    assert result.exit_code == code, result.output
    return result.stdout, result.stderr


def test_copies_the_configured_catalogue(tmp_path: Path) -> None:
    output, stderr = run("copy", "--to", f"sqlite:///{tmp_path / 'other.db'}")
    assert output.startswith("2 movies copied and compared in ")
    assert "2/2" in stderr
    from_other = ("--from", "sqlite:///other.db", "--to", "sqlite:///third.db")
    output, _ = run("copy", *from_other, "--json")
    assert json.loads(output)["movies"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["copy", "--to", "redis://localhost"], "--to: it must be sqlite:///"),
        (["copy", "--from", "movies.db", "--to", "sqlite:///x.db"], "--from: it must be"),
        (["copy", "--from", "sqlite:///a.db", "--to", "sqlite:///a.db"], "the same database"),
        (
            ["copy", "--from", "sqlite:///typo.db", "--to", "sqlite:///x.db"],
            "does not exist: check DATABASE_URL",
        ),
        (["backup", "movies.db"], "already exists"),
        (["export", "movies.db"], "already exists"),
        (["export", "missing/movies.ndjson"], "cannot be written"),
        (["import", "missing.ndjson"], "cannot be read"),
    ],
)
def test_reports_invalid_arguments_in_one_sentence(arguments: list[str], message: str) -> None:
    _, stderr = run(*arguments, code=ExitCode.USAGE)
    assert message in stderr


@pytest.mark.parametrize("command", ["backup", "export"])
def test_does_not_create_a_missing_source_database(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:///typo.db")
    _, stderr = run(command, "out", code=ExitCode.USAGE)
    assert "does not exist: check DATABASE_URL" in stderr
    assert not (tmp_path / "typo.db").exists()


def test_an_export_that_fails_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty.db").touch()
    monkeypatch.setenv("DATABASE_URL", "sqlite:///empty.db")
    before = set(tmp_path.iterdir())
    run("export", "movies.ndjson", code=ExitCode.DATABASE)
    assert {each for each in tmp_path.iterdir() if "empty.db" not in each.name} <= before


def test_backs_up(tmp_path: Path) -> None:
    _, stderr = run("backup", "backup.db")
    assert "Backup written to backup.db." in stderr
    backup = Database(f"sqlite:///{tmp_path / 'backup.db'}")
    assert backup.is_current()
    backup.close()


def test_exports_and_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, stderr = run("export", "movies.ndjson")
    assert "2 movies exported." in stderr
    lines, _ = run("export")
    assert lines.encode() == (tmp_path / "movies.ndjson").read_bytes()
    monkeypatch.setenv("DATABASE_URL", "sqlite:///new.db")
    _, stderr = run("import", "movies.ndjson")
    assert "Movies added: 2; existing: 0; skipped lines: 0." in stderr
    _, stderr = run("import", "-", stdin=lines.encode() + b"nonsense", code=ExitCode.PARTIAL)
    assert "Line 3: Invalid JSON" in stderr
    assert "Movies added: 0; existing: 2; skipped lines: 1." in stderr
    run("import", "-", stdin=b"nonsense", code=ExitCode.USAGE)
