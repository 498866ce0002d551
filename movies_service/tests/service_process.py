"""The service, and OMDb, in processes of their own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data_layer.database import Database

ROOT = Path(__file__).parents[2]
STOP_SECONDS = 8
"""What README promises."""


class Service:
    """A service in a process of its own."""

    def __init__(self, tmp_path: Path, **settings: str) -> None:
        environment = {name: value for name, value in os.environ.items() if "OMDB" not in name}
        environment |= {
            "DATABASE_URL": f"sqlite:///{tmp_path / 'movies.db'}",
            "PORT": "0",
            "MOVIES_LIMIT_ADDS": "off",
            "MOVIES_INGEST_SOURCE": "off",
            **settings,
        }
        self.log = tmp_path / "log.txt"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "movies_service", "serve"],
                cwd=ROOT,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def url(self) -> str:
        """Where it serves, as it says itself."""
        return self.read_until("Movies API serves on").split()[-1]

    def read_until(self, text: str) -> str:
        """The first line of its output that has this text."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if text in line:
                return line
        raise AssertionError(self.log.read_text())

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Its exit code after a signal."""
        self.process.send_signal(number)
        return self.process.wait(timeout=STOP_SECONDS)


def url_of(database: Database) -> str:
    """The URL of a database, as the settings take it."""
    url = database.engines.writing.url
    return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=False)


@contextmanager
def running(tmp_path: Path, **settings: str) -> Iterator[Service]:
    """A service that is stopped at the end, however the test ends."""
    service = Service(tmp_path, **settings)
    try:
        yield service
    finally:
        service.process.kill()
        service.process.communicate()


@contextmanager
def emulator(*options: str) -> Iterator[str]:
    """The URL of an emulator of OMDb in a process of its own."""
    command = [sys.executable, "-m", "data_fetcher.emulator", "--port", "0", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
        process.terminate()
