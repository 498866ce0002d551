"""Servers as processes of their own: started on a free port, waited for, stopped."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from common.benchmark.commands import BenchmarkFailed
from common.benchmark.processors import Processors, pinned_to

START_SECONDS = 60
"""How long a server may take until it answers."""

_STOP_SECONDS = 10
_NO_UPDATES = {"MOVIES_INGEST_SOURCE": "off"}
_POLL_SECONDS = 0.05

CommandFor = Callable[[int], Sequence[str]]
"""Gives the command that serves on a port."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs."""

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
    """Give a server that answers `path`; it is stopped when the context ends.

    Args:
        command_for: gives its command.
        path: what it is asked to see whether it has started.
        log: where its output goes.
        environment: of the process, beside that of this one. `PORT` is set, too.
        processors: what it may use.

    Raises:
        BenchmarkFailed: it does not start; the message has the end of its output.
    """
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    with log.open("w") as output, pinned_to(processors):
        process = subprocess.Popen(  # noqa: S603 - Commands of this project, and known programs.
            command_for(port),
            env={**os.environ, **_NO_UPDATES, "PORT": str(port), **(environment or {})},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_it_answers(url + path, process, log)
        yield Server(url, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if requests.get(url, timeout=START_SECONDS).ok:
                return
        except requests.ConnectionError:
            pass
        time.sleep(_POLL_SECONDS)
    raise BenchmarkFailed(f"{url} does not answer: {log.read_text()[-500:]}")
