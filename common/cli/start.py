"""Start of the commands, with a clean exit on Ctrl-C during the imports, which take a second."""

import importlib
import sys

from common.imports import permanent_imports

INTERRUPTED = 130
"""Exit code after Ctrl-C, by shell convention: 128 plus the number of SIGINT."""


def start(command_line: str) -> None:
    """Import the module `command_line` and run its `app`.

    Raises:
        SystemExit: With the exit code of the command, or 130 after Ctrl-C.
    """
    try:
        with permanent_imports():
            module = importlib.import_module(command_line)
        module.app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
