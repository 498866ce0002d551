"""Standard streams of the commands: UTF-8, and failed writes reported as expected errors."""

import io
import os
import sys
from typing import TextIO

from typing_extensions import Buffer, override

from common.errors import MoviesError

_UTF_8 = "utf-8"


class OutputFailed(MoviesError):
    """Standard output that takes no more: a full disk, or a pipe without a reader."""

    code = "output-failed"

    def __init__(self, reason: str | None) -> None:
        super().__init__(f"Standard output can't be written ({reason}): the output is incomplete.")


class _StandardStream(io.FileIO):
    """File of a standard stream. After a failed write it discards what follows.

    Python flushes the streams again when it exits, which must not fail a second time.

    Args:
        descriptor: 1 or 2; stays open.
        is_output: Whether a failed write raises `OutputFailed`. Remarks that can't be written to
            standard error do not end a command.
    """

    def __init__(self, descriptor: int, *, is_output: bool) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._is_output = is_output
        self._has_failed = False

    @override
    def write(self, data: Buffer, /) -> int:
        if not self._has_failed:
            try:
                return super().write(data)
            except OSError as error:
                self._has_failed = True
                if self._is_output:
                    raise OutputFailed(error.strerror) from None
        return memoryview(data).nbytes


def require_utf_8() -> None:
    """Replace this process by one in Python's UTF-8 mode if the locale has another encoding.

    Arguments, file names and standard input are then UTF-8 as well, also in child processes.
    """
    if sys.getfilesystemencoding() != _UTF_8:
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606 - Itself.


def replace_standard_streams() -> None:
    """Write to standard output and standard error in UTF-8, and report failed writes.

    Closed standard output stays `None`, as Python sets it. Closed standard error is replaced, since
    `print` would write its remarks to standard output.
    """
    if (output := sys.stdout) is not None:
        is_immediate = output.isatty() or bool(getattr(output, "write_through", False))
        file = _StandardStream(output.fileno(), is_output=True)
        sys.stdout = _open(file, "surrogateescape", is_immediate=is_immediate)
    errors = os.open(os.devnull, os.O_WRONLY) if sys.stderr is None else sys.stderr.fileno()
    file = _StandardStream(errors, is_output=False)
    sys.stderr = _open(file, "backslashreplace", is_immediate=True)


def print_now(text: str) -> None:
    """Print a line to standard output that has to be seen, such as a secret.

    Raises:
        OutputFailed: It was not written as a whole.
    """
    if sys.stdout is None:
        raise OutputFailed("closed")
    try:
        print(text, flush=True)
    except OSError as error:  # Raised in child processes, whose streams are not replaced.
        raise OutputFailed(error.strerror) from None


def _open(file: _StandardStream, errors: str, *, is_immediate: bool) -> TextIO:
    """Return a text stream.

    Args:
        file: File of a standard stream.
        errors: How to write what UTF-8 can't encode, such as other bytes of a file name.
        is_immediate: Whether each line is written at once, as on a terminal.
    """
    return io.TextIOWrapper(
        io.BufferedWriter(file),
        encoding=_UTF_8,
        errors=errors,
        line_buffering=is_immediate,
    )
