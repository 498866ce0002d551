"""Counters of all processes of the service, shared through files."""

import asyncio
import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from movies_service.telemetry.counters import ProcessCounters

PUBLISH_SECONDS = 1.0
"""Interval of publishing: the counts of other processes are at most this old."""


class MultiprocessCounters:
    """Sum of the counts of this process and of those that other processes publish in a folder.

    The counts of a dead process stay, so that counters never decrease.

    Args:
        own: returns the counts of this process.
        folder: shared by the processes of the service and writable only by them, since its files
            are unpickled; `None` if there is only one process.
    """

    def __init__(self, own: Callable[[], ProcessCounters], folder: Path | None) -> None:
        self._own = own
        self._folder = folder
        self._file_name = f"{os.getpid()}.counts"

    async def publish(self) -> None:
        """Publish the counts of this process every second, and once more on cancellation."""
        if self._folder is None:
            return
        try:
            while True:
                self._write(self._folder)
                await asyncio.sleep(PUBLISH_SECONDS)
        finally:
            self._write(self._folder)

    def total(self) -> ProcessCounters:
        """Return the sum of the counts of all processes."""
        total = ProcessCounters()
        total.add(self._own())
        if self._folder is not None:
            for path in sorted(self._folder.glob("*.counts")):
                if path.name != self._file_name:
                    total.add(pickle.loads(path.read_bytes()), is_alive=_is_alive(path))  # noqa: S301 - Only this service can write to the folder.
        return total

    def _write(self, folder: Path) -> None:
        unfinished = folder / f"{self._file_name}.unfinished"
        unfinished.write_bytes(pickle.dumps(self._own()))
        unfinished.replace(folder / self._file_name)


def _is_alive(path: Path) -> bool:
    with suppress(ProcessLookupError):
        os.kill(int(path.stem), 0)
        return True
    return False
