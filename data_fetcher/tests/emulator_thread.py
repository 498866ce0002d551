"""OMDb emulator in a thread, for tests of other processes."""

from collections.abc import Iterator
from contextlib import contextmanager

from anyio.from_thread import start_blocking_portal

from data_fetcher.emulator.movies import load_movies, with_generated
from data_fetcher.emulator.server import Emulator, EmulatorOptions


@contextmanager
def emulator(options: EmulatorOptions | None = None, *, generated: int = 0) -> Iterator[str]:
    """Yield the URL of an emulator with the bundled movies and a number of generated ones."""
    server = Emulator(with_generated(load_movies(), generated), options)
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(server.running()) as url,
    ):
        yield url
