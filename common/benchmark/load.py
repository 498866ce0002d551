"""Load generators: wrk if it is installed, otherwise the client of this package."""

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
    """Measurements of one run of a load generator."""

    requests: int
    seconds: float
    errors: int
    """Requests without a response, or with a status of 400 or above."""
    latency_us: dict[str, float]
    """Latencies in microseconds, by percentile, such as "99"."""
    generator_cpu_seconds: float = 0
    """CPU time of the load generator."""

    @property
    def requests_per_second(self) -> float:
        """Throughput over the whole run."""
        return self.requests / self.seconds


@dataclass(frozen=True, slots=True)
class LoadGenerator:
    """Generator of load on a server, from a program on its own processors."""

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
        """Request the paths in turn for `seconds`, on `connections` concurrent connections."""
        with tempfile.NamedTemporaryFile("w") as file, pinned_to(self.processors):
            file.write("".join(f"{path}\n" for path in paths))
            file.flush()
            build_command = _wrk_command if self.tool == "wrk" else _client_command
            command = build_command(url, file.name, connections, seconds, headers)
            before = _cpu_seconds_of_children()
            output = run_command(command)
            cpu_seconds = _cpu_seconds_of_children() - before
        return Load(**json.loads(output.splitlines()[-1]), generator_cpu_seconds=cpu_seconds)


def _cpu_seconds_of_children() -> float:
    """Return the CPU time of all finished child processes."""
    times = os.times()
    return times.children_user + times.children_system


def installed_tool() -> Tool:
    """Return the fastest installed load generator."""
    return "wrk" if shutil.which("wrk") else "own client"


def _wrk_command(
    url: str, paths: str, connections: int, seconds: float, headers: Sequence[str]
) -> list[str]:
    options = [argument for header in headers for argument in ("-H", header)]
    duration = f"-d{max(1, round(seconds))}s"  # wrk accepts whole seconds only.
    script = ["-s", str(_WRK_SCRIPT)]
    return ["wrk", "-t1", f"-c{connections}", duration, *script, *options, url, "--", paths]


def _client_command(
    url: str, paths: str, connections: int, seconds: float, headers: Sequence[str]
) -> list[str]:
    options = [argument for header in headers for argument in ("--header", header)]
    return [
        *(sys.executable, "-m", "common.benchmark.client", url, paths, *options),
        *("--connections", str(connections), "--seconds", str(seconds)),
    ]
