"""IMDb's data sets read in a process of its own, while this one stores what was read."""

import multiprocessing
import signal
from collections.abc import Generator
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from common.errors import MoviesError
from common.progress import Advance
from data_fetcher.imdb.faults import LineFaults
from data_fetcher.imdb.files import DataSetFiles
from data_fetcher.imdb.joining import FilmBatch, film_batches
from data_fetcher.imdb.selection import Selection

_SPAWN = multiprocessing.get_context("spawn")


def read_ahead(
    files: DataSetFiles,
    selection: Selection,
    *,
    staging: Path,
    faults: LineFaults,
    after: str | None = None,
    advance: Advance = lambda _done, _total: None,
) -> Generator[FilmBatch, None, None]:
    """Yield what `film_batches` yields, one batch after it was read; faults are told at the end.

    Raises:
        MoviesError: see `film_batches`; or the process has died.
    """
    line, other_end = _SPAWN.Pipe(duplex=False)
    process = _SPAWN.Process(
        target=_send_all, args=(other_end, files, selection, staging, after), daemon=True
    )
    _start_uninterrupted(process)
    other_end.close()
    try:
        while True:
            match line.recv():
                case FilmBatch() as batch:
                    yield batch
                case LineFaults() as found:
                    faults.include(found)
                    process.join()
                    return
                case MoviesError() as error:
                    raise error
                case done, total:
                    advance(done, total)
    except (EOFError, OSError):
        raise MoviesError("Reading has died: there may be too little memory.") from None
    finally:
        process.terminate()
        process.join()
        line.close()


def _start_uninterrupted(process: BaseProcess) -> None:
    """Start a process that Ctrl-C does not reach: it is ended by this one."""
    signals = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, signals)


def _send_all(
    line: Connection, files: DataSetFiles, selection: Selection, staging: Path, after: str | None
) -> None:
    """Send how far the preparation is, then the films, then the faults; or what went wrong."""
    faults = LineFaults()
    with suppress(BrokenPipeError):  # Nobody wants more.
        try:
            for batch in film_batches(
                files,
                selection,
                staging=staging,
                faults=faults,
                after=after,
                advance=lambda done, total: line.send((done, total)),
            ):
                line.send(batch)
        except MoviesError as error:
            line.send(error)
        else:
            line.send(faults)
