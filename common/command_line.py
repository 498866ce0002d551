"""What the commands of this project share: how they look, and how they fail."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from common.errors import MoviesError
from common.exit_codes import exit_code_of

INTERRUPTED = 130
"""What shells make of a command that Ctrl-C ended: 128 and the number of SIGINT."""


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
        SystemExit: with the codes of `common.exit_codes`, or 130 after Ctrl-C.
    """
    try:
        yield
    except MoviesError as error:
        print(f"Error: {error.message}", file=sys.stderr)
        raise SystemExit(exit_code_of(error)) from None
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
