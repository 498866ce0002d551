"""Shared setup and error reporting of all commands."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from common.cli.exit_codes import exit_code_for
from common.cli.start import INTERRUPTED
from common.errors import InvalidInput, MoviesError
from common.logging_setup import configure_logs
from common.settings import Settings, load_settings

STANDARD_STREAM = Path("-")
"""Placeholder for standard input or output in a file argument."""

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
"""Option of the commands that print a result as text or as JSON."""


def new_command_line(about: str) -> typer.Typer:
    """Return a Typer app without commands whose help starts with `about`."""
    return typer.Typer(
        help=about,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Yield a file to read; standard input for `-`.

    Raises:
        InvalidInput: The file cannot be read.
    """
    if path == STANDARD_STREAM:
        yield sys.stdin.buffer
        return
    try:
        file = path.open("rb")
    except OSError:
        raise InvalidInput("The file cannot be read: check its path.") from None
    with file:
        yield file


@contextmanager
def reported_errors() -> Iterator[None]:
    """Report an expected error in the context as one line on standard error and an exit code.

    Raises:
        SystemExit: With a code of `common.cli.exit_codes`, or 130 after Ctrl-C.
    """
    try:
        yield
    except MoviesError as error:
        print(f"Error: {error.message}", file=sys.stderr)
        raise SystemExit(exit_code_for(error)) from None
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None


@contextmanager
def command_settings() -> Iterator[Settings]:
    """Load the settings, configure logging and report errors in the context.

    Raises:
        SystemExit: As in `reported_errors`.
    """
    with reported_errors():
        settings = load_settings()
        configure_logs(settings.log_level, settings.log_format)
        yield settings
