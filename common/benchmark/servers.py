"""Server processes: start on a free port, readiness check, stop."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from common.benchmark.commands import BenchmarkFailed
from common.benchmark.processors import Processors, pinned_to

START_SECONDS = 60
"""Time limit for a server to become ready."""

_STOP_SECONDS = 10
_NO_UPDATES = {"MOVIES_INGEST_SOURCE": "off"}
_POLL_SECONDS = 0.05

CommandFor = Callable[[int], Sequence[str]]
"""Returns the command of a server that listens on the given port."""


@dataclass(frozen=True, slots=True)
class Server:
    """Running server."""

    url: str
    pid: int


@contextmanager
def served(
    command_for: CommandFor,
    path: str,
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    processors: Processors = None,
) -> Iterator[Server]:
    """Start a server, wait until it is ready, and stop it when the context ends.

    Args:
        command_for: Returns the command for a port.
        path: Path of the readiness check; a status below 400 means ready.
        log: File for the output of the server.
        environment: Variables in addition to those of this process and `PORT`.
        processors: Processors on which the server runs.

    Raises:
        BenchmarkFailed: The server did not become ready; the message contains the end of its
            output.
    """
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    with log.open("w") as output, pinned_to(processors):
        process = subprocess.Popen(  # noqa: S603 - Commands of this project and of baselines.
            command_for(port),
            env={**os.environ, **_NO_UPDATES, "PORT": str(port), **(environment or {})},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_ready(url + path, process, log)
        yield Server(url, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def emulated_omdb(
    latency_ms: int, log: Path, *, generated_movies: int = 0
) -> AbstractContextManager[Server]:
    """Start the emulator of OMDb, with movies generated in addition to its own."""
    return served(
        lambda port: [
            *(sys.executable, "-m", "data_fetcher.emulator", "--port", str(port)),
            *("--latency-ms", str(latency_ms), "--generate", str(generated_movies)),
        ],
        "/?apikey=any",
        log,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if requests.get(url, timeout=START_SECONDS).ok:
                return
        except requests.ConnectionError:
            pass
        time.sleep(_POLL_SECONDS)
    raise BenchmarkFailed(f"{url} did not become ready: {log.read_text()[-500:]}")
