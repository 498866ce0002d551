"""Load on a server: from wrk where it is installed, else from a client of our own."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from common.benchmark.commands import run_command
from common.benchmark.processors import Processors, pinned_to

Tool = Literal["wrk", "own client"]

_WRK_SCRIPT = Path(__file__).with_suffix(".lua")


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of load has measured."""

    requests: int
    seconds: float
    errors: int
    """Requests that got no answer, or one with a status of 400 or more."""
    latency_us: dict[str, float]
    """By percentile, such as "99"."""
    generator_cpu_seconds: float = 0
    """What making the load has cost."""

    @property
    def requests_per_second(self) -> float:
        """The throughput."""
        return self.requests / self.seconds


@dataclass(frozen=True, slots=True)
class LoadGenerator:
    """Makes load; it runs on processors of its own where there are enough.

    Args:
        tool: what makes it.
        processors: what the generator may use.
    """

    tool: Tool
    processors: Processors

    def run(
        self,
        url: str,
        paths: Sequence[str],
        *,
        seconds: float,
        connections: int,
        headers: Sequence[str] = (),
    ) -> Load:
        """Ask for the paths in turn, on so many connections, for so long.

        Raises:
            BenchmarkFailed: the tool failed.
        """
        with tempfile.NamedTemporaryFile("w") as file, pinned_to(self.processors):
            file.write("".join(f"{path}\n" for path in paths))
            file.flush()
            make = _wrk_command if self.tool == "wrk" else _client_command
            command = make(url, file.name, connections, seconds, headers)
            before = _cpu_seconds_of_children()
            printed = run_command(command)
            spent = _cpu_seconds_of_children() - before
        return Load(**json.loads(printed.splitlines()[-1]), generator_cpu_seconds=spent)


def _cpu_seconds_of_children() -> float:
    """Return the CPU time of the commands that this process has waited for."""
    times = os.times()
    return times.children_user + times.children_system


def installed_tool() -> Tool:
    """Return the best tool that there is."""
    return "wrk" if shutil.which("wrk") else "own client"


def _wrk_command(
    url: str, paths: str, connections: int, seconds: float, headers: Sequence[str]
) -> list[str]:
    given = [argument for header in headers for argument in ("-H", header)]
    duration = f"-d{max(1, round(seconds))}s"  # It counts in whole seconds.
    script = ["-s", str(_WRK_SCRIPT)]
    return ["wrk", "-t1", f"-c{connections}", duration, *script, *given, url, "--", paths]


def _client_command(
    url: str, paths: str, connections: int, seconds: float, headers: Sequence[str]
) -> list[str]:
    given = [argument for header in headers for argument in ("--header", header)]
    return [
        *(sys.executable, "-m", "common.benchmark.client", url, paths, *given),
        *("--connections", str(connections), "--seconds", str(seconds)),
    ]
