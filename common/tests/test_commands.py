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
    UpstreamQuota,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidSetting("Set it right."), 2),
        (NotFound("Set it right."), 2),
        (Conflict("Set it right."), 2),
        (DatabaseUnavailable("Set it right."), 5),
        (UpstreamQuota("Set it right."), 4),
        (MoviesError("Set it right."), 1),
    ],
)
def test_an_error_is_a_sentence_and_an_exit_code(
    capsys: pytest.CaptureFixture[str], error: MoviesError, code: int
) -> None:
    with pytest.raises(SystemExit) as raised, reported_errors():
        raise error
    assert raised.value.code == code
    assert capsys.readouterr().err == "Error: Set it right.\n"


def test_ctrl_c_is_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised, reported_errors():
        raise KeyboardInterrupt
    assert raised.value.code == 130
    assert capsys.readouterr().err == "Stopped.\n"


def test_a_command_line_says_what_it_is_about() -> None:
    assert new_command_line("Sell tickets.").info.help == "Sell tickets."


def test_ctrl_c_while_a_command_is_imported_ends_it_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "interrupted.py").write_text("raise KeyboardInterrupt")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(SystemExit) as raised:
        start("interrupted")
    assert raised.value.code == 130
    assert capsys.readouterr() == ("", "")
