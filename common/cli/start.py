"""How the commands start: what they need takes a second to import, and may be interrupted."""

import importlib
import sys

INTERRUPTED = 130
"""What shells make of a command that Ctrl-C ended: 128 and the number of SIGINT."""


def start(command_line: str) -> None:
    """Run `app` of the module with this name.

    Raises:
        SystemExit: as the command says; 130 after Ctrl-C.
    """
    try:
        importlib.import_module(command_line).app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
