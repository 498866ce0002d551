"""What all processes of a service have counted, whichever of them is asked."""

import asyncio
import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from movies_service.telemetry.collector import Counts

PUBLISH_SECONDS = 1.0
"""How old the counts of the other processes are at most."""


class SharedCounts:
    """Adds up the counts of this process and those that others have left in a folder.

    What a process has counted stays when it dies: counters never go back.

    Args:
        own: gives what this process has counted.
        folder: that all processes of the service share, and nobody else can write to; `None`
            where there is but one.
    """

    def __init__(self, own: Callable[[], Counts], folder: Path | None) -> None:
        self._own = own
        self._folder = folder
        self._file_name = f"{os.getpid()}.counts"

    async def publish(self) -> None:
        """Leave the own counts for the others, again and again, and a last time at the end."""
        if self._folder is None:
            return
        try:
            while True:
                self._write(self._folder)
                await asyncio.sleep(PUBLISH_SECONDS)
        finally:
            self._write(self._folder)

    def total(self) -> Counts:
        """Return the counts of all processes together."""
        total = Counts()
        total.add(self._own())
        if self._folder is not None:
            for path in sorted(self._folder.glob("*.counts")):
                if path.name != self._file_name:
                    total.add(pickle.loads(path.read_bytes()), is_alive=_is_alive(path))  # noqa: S301 - See folder.
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
