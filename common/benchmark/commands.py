"""Commands that a benchmark runs, and waits for."""

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

from common.errors import MoviesError

SAMPLE_SECONDS = 0.05
"""How often the memory of a command is looked at."""

_SHOWN_CHARACTERS = 500


class BenchmarkFailed(MoviesError):
    """Something that was to be measured does not run."""

    code = "benchmark-failed"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command has taken.

    Args:
        seconds: from its start to its end.
        peak_bytes: the most memory that it and its children were seen to have together.
    """

    seconds: float
    peak_bytes: int


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
        raise _failure(command, done.returncode, done.stderr or done.stdout)
    return done.stdout


def run_measured(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end, and return what it took.

    Raises:
        BenchmarkFailed: it ended with an error.
    """
    started = time.perf_counter()
    with (
        tempfile.TemporaryFile("w+") as output,
        subprocess.Popen(  # noqa: S603 - Commands of this project, and what they are compared with.
            command, env={**os.environ, **(environment or {})}, stdout=output, stderr=output
        ) as process,
    ):
        peak_bytes = 0
        while process.poll() is None:
            peak_bytes = max(peak_bytes, _memory_bytes(process.pid))
            time.sleep(SAMPLE_SECONDS)
        cost = Cost(time.perf_counter() - started, peak_bytes)
        if process.returncode:
            output.seek(0)
            raise _failure(command, process.returncode, output.read())
    return cost


def _failure(command: Sequence[str], exit_code: int, said: str) -> BenchmarkFailed:
    end = said[-_SHOWN_CHARACTERS:].strip()
    return BenchmarkFailed(f"{' '.join(command)} ended with {exit_code}: {end}")


def _memory_bytes(pid: int) -> int:
    """Return what a process and its children have in memory; what they share counts for each."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                total += each.memory_info().rss
    return total
