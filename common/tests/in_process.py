"""Commands in the process of the test, which saves the start of another one."""

from collections.abc import Mapping, Sequence
from subprocess import CompletedProcess

import typer
from typer.testing import CliRunner


def run_in_process(
    app: typer.Typer, arguments: Sequence[str], environment: Mapping[str, str], text: str = ""
) -> CompletedProcess[str]:
    """Run a command to its end, with `text` as standard input; unexpected errors are raised."""
    done = CliRunner().invoke(app, arguments, text, environment, catch_exceptions=False)
    return CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)
