"""IMDb's data sets read in a process of its own, while this one stores what was read."""

import signal
from collections.abc import Generator
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from common.cli.progress import Advance
from common.errors import MoviesError
from common.processes import SPAWN, start_uninterrupted
from data_fetcher.imdb.files import DataSetFiles
from data_fetcher.imdb.line_errors import LineFaults
from data_fetcher.imdb.movie_reader import FilmBatch, film_batches
from data_fetcher.imdb.selection import Selection


def read_ahead(
    files: DataSetFiles,
    selection: Selection,
    *,
    staging: Path,
    faults: LineFaults,
    after: str | None,
    advance: Advance,
) -> Generator[FilmBatch, None, None]:
    """Yield what `film_batches` yields, one batch after it was read; faults are told at the end.

    Raises:
        MoviesError: see `film_batches`; or the process has died.
    """
    line, other_end = SPAWN.Pipe(duplex=False)
    process = SPAWN.Process(
        target=_send_all, args=(other_end, files, selection, staging, after), daemon=True
    )
    with line:
        with other_end:
            start_uninterrupted(process)
        try:
            while True:
                match _receive(line, process):
                    case FilmBatch() as batch:
                        yield batch
                    case LineFaults() as found:
                        faults.include(found)
                        process.join()
                        return
                    case MoviesError() as error:
                        process.join()
                        raise error
                    case progress:
                        advance(*progress)
        finally:
            process.kill()  # It has nothing to lose; what it has put into `staging` stays there.
            process.join()


def _receive(line: Connection, process: BaseProcess) -> Any:  # noqa: ANN401 - What `_send_all` sends.
    try:
        return line.recv()
    except (EOFError, OSError):
        process.join()
        killed = process.exitcode == -signal.SIGKILL
        raise MoviesError(
            "The process that reads the files was killed: there may be too little memory."
            if killed
            else "The process that reads the files has ended with an error, which stands above."
        ) from None


def _send_all(
    line: Connection, files: DataSetFiles, selection: Selection, staging: Path, after: str | None
) -> None:
    """Send how far the preparation is, then the films, then the faults; or what went wrong."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
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
