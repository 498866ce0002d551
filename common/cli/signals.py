"""Handlers of SIGINT and SIGTERM for the commands."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from common.cli.start import INTERRUPTED
from common.shutdown import EXIT_SECONDS, ShutdownSignal, force_exit_after


@contextmanager
def handled_signals(on_first: Callable[[], None], on_further: Callable[[], None]) -> Iterator[None]:
    """Call `on_first` on the first SIGINT or SIGTERM in the context, `on_further` on others."""
    numbers = (signal.SIGINT, signal.SIGTERM)

    def handle_first(_number: int, _frame: FrameType | None) -> None:
        for number in numbers:
            signal.signal(number, lambda _number, _frame: on_further())
        on_first()

    before = [signal.signal(number, handle_first) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def shutdown_on_signals(forced_exit_code: int = INTERRUPTED) -> Iterator[ShutdownSignal]:
    """Yield a shutdown signal that SIGINT and SIGTERM trigger while the context is open.

    A second signal ends the process at once.

    Args:
        forced_exit_code: Exit code of a process that has not ended `EXIT_SECONDS` after the first
            signal.
    """
    shutdown = ShutdownSignal()

    def on_first() -> None:
        shutdown.trigger()
        force_exit_after(EXIT_SECONDS, forced_exit_code)
        with suppress(OSError):  # The terminal or the reading process is gone.
            os.write(sys.stderr.fileno(), b"Stopping worker. Press once more to exit at once.\n")

    with handled_signals(on_first, lambda: os._exit(INTERRUPTED)):
        yield shutdown
