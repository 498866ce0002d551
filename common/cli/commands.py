"""What the commands of this project share: how they look, and how they fail."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from common.cli.exit_codes import exit_code_of
from common.cli.start import INTERRUPTED
from common.errors import MoviesError
from common.logging_setup import configure_logs
from common.settings import Settings, load_settings


def new_command_line(about: str) -> typer.Typer:
    """Return an empty command line whose help starts with `about`."""
    return typer.Typer(
        help=about,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


@contextmanager
def reported_errors() -> Iterator[None]:
    """Turn an error within the context into one sentence on standard error and an exit code.

    Raises:
        SystemExit: with the codes of `common.cli.exit_codes`, or 130 after Ctrl-C.
    """
    try:
        yield
    except MoviesError as error:
        print(f"Error: {error.message}", file=sys.stderr)
        raise SystemExit(exit_code_of(error)) from None
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None


@contextmanager
def command_settings() -> Iterator[Settings]:
    """Begin a command: give the settings, log as they say, and report errors.

    Raises:
        SystemExit: as `reported_errors`.
    """
    with reported_errors():
        settings = load_settings()
        configure_logs(settings.log_level, settings.log_format)
        gc.freeze()  # What was imported stays: looking through it takes the collector 50 ms.
        yield settings
