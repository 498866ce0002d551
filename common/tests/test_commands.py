from pathlib import Path

import pytest

from common.cli.commands import new_command_line, reported_errors
from common.cli.start import start
from common.errors import (
    Conflict,
    DatabaseUnavailable,
    InvalidSetting,
    MoviesError,
    NotFound,
    UpstreamQuotaExceeded,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidSetting("Check the value."), 2),
        (NotFound("Check the value."), 2),
        (Conflict("Check the value."), 2),
        (DatabaseUnavailable("Check the value."), 5),
        (UpstreamQuotaExceeded("Check the value."), 4),
        (MoviesError("Check the value."), 1),
    ],
)
def test_reports_an_error_as_one_line_and_an_exit_code(
    capsys: pytest.CaptureFixture[str], error: MoviesError, code: int
) -> None:
    with pytest.raises(SystemExit) as raised, reported_errors():
        raise error
    assert raised.value.code == code
    assert capsys.readouterr().err == "Error: Check the value.\n"


def test_reports_ctrl_c_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised, reported_errors():
        raise KeyboardInterrupt
    assert raised.value.code == 130
    assert capsys.readouterr().err == "Stopped.\n"


def test_help_starts_with_the_description() -> None:
    assert new_command_line("Sell tickets.").info.help == "Sell tickets."


def test_ctrl_c_during_the_imports_prints_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "interrupted.py").write_text("raise KeyboardInterrupt")
    monkeypatch.setattr("common.cli.start.replace_standard_streams", lambda: None)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(SystemExit) as raised:
        start("interrupted")
    assert raised.value.code == 130
    assert capsys.readouterr() == ("", "")
