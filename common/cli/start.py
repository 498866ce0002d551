"""Start of the commands, with a clean exit on Ctrl-C during the imports, which take a second."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from common.cli.exit_codes import ExitCode
from common.cli.output import OutputFailed, replace_standard_streams, require_utf_8
from common.imports import permanent_imports

INTERRUPTED = 130
"""Exit code after Ctrl-C, by shell convention: 128 plus the number of SIGINT."""


def start(command_line: str) -> None:
    """Import the module `command_line` and run its `app`.

    Raises:
        SystemExit: With the exit code of the command, or as in `command_process`.
    """
    with command_process():
        with permanent_imports():
            module = importlib.import_module(command_line)
        module.app()


@contextmanager
def command_process() -> Iterator[None]:
    """Run a command in UTF-8, and report Ctrl-C and output that can't be written.

    Raises:
        SystemExit: With 130 after Ctrl-C, or 1 if the output is incomplete.
    """
    require_utf_8()
    replace_standard_streams()
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except OutputFailed as error:
        print(f"Error: {error.message}", file=sys.stderr)
        sys.exit(ExitCode.FAILED)
