"""Tests of the standard streams of commands; a pipe without a reader stands for a full disk."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from common.cli.output import OutputFailed, print_now, require_utf_8
from common.cli.start import command_process


@pytest.fixture
def unwritable() -> Iterator[TextIO]:
    """Yield a text stream on a pipe without a reader."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        yield stream


@pytest.fixture
def file(tmp_path: Path) -> Iterator[TextIO]:
    """Yield a text stream on a file, in ASCII."""
    with (tmp_path / "stream").open("w", encoding="ascii") as stream:
        yield stream


def written(stream: TextIO) -> str:
    return Path(str(stream.name)).read_text(encoding="utf-8")


@pytest.mark.parametrize("end", ["\n", ""])
def test_unwritable_output_ends_a_command_with_a_sentence(
    unwritable: TextIO, file: TextIO, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setattr(sys, "stdout", unwritable)
    monkeypatch.setattr(sys, "stderr", file)
    with pytest.raises(SystemExit) as raised, command_process():
        print("data", end=end)
        raise SystemExit(0)
    assert raised.value.code == 1
    sys.stdout.flush()  # As Python does when it exits.
    expected = "Error: Standard output can't be written (Broken pipe): the output is incomplete.\n"
    assert written(file) == expected


def test_unwritable_remarks_do_not_end_a_command(
    unwritable: TextIO, file: TextIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", file)
    monkeypatch.setattr(sys, "stderr", unwritable)
    with command_process():
        print("Fetching.", file=sys.stderr)
        print("Amélie \udce9")
    assert Path(str(file.name)).read_bytes() == "Amélie ".encode() + b"\xe9\n"


def test_closed_streams_do_not_end_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    with command_process():
        print("Fetching.", file=sys.stderr)
        print("Amélie")
    sys.stderr.close()
    with pytest.raises(OutputFailed):
        print_now("secret")


def test_a_secret_is_written_at_once(
    unwritable: TextIO, file: TextIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", file)
    print_now("secret")
    assert written(file) == "secret\n"
    raw = io.FileIO(unwritable.fileno(), "w", closefd=False)
    monkeypatch.setattr(
        sys, "stdout", io.TextIOWrapper(raw, write_through=True)
    )  # As with `python -u`.
    with pytest.raises(OutputFailed, match="Broken pipe"):
        print_now("secret")


def test_another_encoding_of_the_locale_starts_python_in_utf_8(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _path, arguments: started.append(arguments))
    require_utf_8()
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "ascii")
    require_utf_8()
    assert started == [[sys.executable, "-X", "utf8", *sys.orig_argv[1:]]]


@pytest.mark.integration
def test_arguments_and_output_are_utf_8_in_any_locale() -> None:
    script = "import sys; from common.cli.start import command_process\n"
    script += "with command_process(): print(ascii(sys.argv[1]), sys.argv[1])"
    printed = subprocess.run(
        [sys.executable, "-c", script, "Amélie"],
        cwd=Path(__file__).parents[2],
        env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    ).stdout
    assert printed == "'Am\\xe9lie' Amélie\n".encode()
