"""Commands that a benchmark runs to their end."""

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
"""Interval at which the memory of a command is sampled."""

_SHOWN_CHARACTERS = 500


class BenchmarkFailed(MoviesError):
    """Failure of a command or server of the benchmark, which any measurement can raise."""

    code = "benchmark-failed"


@dataclass(frozen=True, slots=True)
class Cost:
    """Time and memory used by a command.

    Args:
        seconds: Wall time from start to end.
        peak_bytes: Highest sampled resident memory of the command and its children together.
    """

    seconds: float
    peak_bytes: int


def run_command(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """Run a command to its end, with these variables in addition, and return its standard output.

    Raises:
        BenchmarkFailed: The command failed; the message contains the end of its output.
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
    """Run a command to its end, and return its time and memory; see `run_command`."""
    started = time.perf_counter()
    with (
        tempfile.TemporaryFile("w+") as output,
        subprocess.Popen(  # noqa: S603 - Commands of this project, and those of baselines.
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


def _failure(command: Sequence[str], exit_code: int, output: str) -> BenchmarkFailed:
    end = output[-_SHOWN_CHARACTERS:].strip()
    return BenchmarkFailed(f"{' '.join(command)} failed with exit code {exit_code}: {end}")


def _memory_bytes(pid: int) -> int:
    """Return the resident memory of a process and its children; shared pages count for each."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                total += each.memory_info().rss
    return total
