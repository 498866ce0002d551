"""Commands that a benchmark runs, and waits for."""

import os
import subprocess
from collections.abc import Mapping, Sequence

from common.errors import MoviesError

_SHOWN_CHARACTERS = 500


class BenchmarkFailed(MoviesError):
    """Something that was to be measured does not run."""

    code = "benchmark-failed"


def run_command(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """Run a command to its end, and return what it prints.

    Args:
        command: its words.
        environment: of the process, beside that of this one.

    Raises:
        BenchmarkFailed: it ended with an error; the message has the end of what it says.
    """
    done = subprocess.run(  # noqa: S603 - Commands of this project, and wrk.
        command,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stderr or done.stdout)[-_SHOWN_CHARACTERS:].strip()
        raise BenchmarkFailed(f"{' '.join(command)} ended with {done.returncode}: {said}")
    return done.stdout
