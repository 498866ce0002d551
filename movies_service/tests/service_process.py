"""The service as a separate process."""

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
"""Longest time to stop, as documented in the README."""


class Service:
    """A service in a separate process."""

    def __init__(self, tmp_path: Path, **settings: str) -> None:
        environment = {name: value for name, value in os.environ.items() if "OMDB" not in name}
        environment |= {
            "DATABASE_URL": f"sqlite:///{tmp_path / 'movies.db'}",
            "PORT": "0",
            "MOVIES_RATE_LIMIT_ADDS": "off",
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
        """Return the URL that the service prints at startup."""
        return self.read_until("Movies API serves on").split()[-1]

    def read_until(self, text: str) -> str:
        """Return the next output line that contains the text.

        Raises:
            AssertionError: the service ended before; the message is its log.
        """
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if text in line:
                return line
        raise AssertionError(self.log.read_text())

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, wait for the process to end, and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=STOP_SECONDS)


def url_of(database: Database) -> str:
    """Return the URL of a database in the form that the settings accept."""
    url = database.engines.writing.url
    return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=False)


@contextmanager
def running(tmp_path: Path, **settings: str) -> Iterator[Service]:
    """Yield a running service; kill it at the end."""
    service = Service(tmp_path, **settings)
    try:
        yield service
    finally:
        service.process.kill()
        service.process.communicate()
