"""Prefetch of movie batches in a reader process, while this process stores them."""

import signal
from collections.abc import Generator
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from common.cli.progress import Advance
from common.errors import MoviesError
from common.processes import start_child
from data_fetcher.imdb.files import DataSetFiles
from data_fetcher.imdb.line_errors import LineErrors
from data_fetcher.imdb.movie_reader import MovieBatch, read_movie_batches
from data_fetcher.imdb.selection import Selection


def prefetch_batches(
    files: DataSetFiles,
    selection: Selection,
    *,
    staging: Path,
    errors: LineErrors,
    after: str | None,
    advance: Advance,
) -> Generator[MovieBatch, None, None]:
    """Yield the batches of `read_movie_batches`, which runs in a process of its own.

    Errors of lines are added to `errors` after the last batch.

    Raises:
        MoviesError: See `read_movie_batches`; or the reader process died.
    """
    process, connection = start_child(partial(_send_all, files, selection, staging, after))
    with connection:
        try:
            while True:
                match _receive(connection, process):
                    case MovieBatch() as batch:
                        yield batch
                    case LineErrors() as line_errors:
                        errors.include(line_errors)
                        process.join()
                        return
                    case MoviesError() as error:
                        process.join()
                        raise error
                    case progress:
                        advance(*progress)
        finally:
            process.kill()  # It holds no state but temporary files, which the caller deletes.
            process.join()


def _receive(connection: Connection, process: BaseProcess) -> Any:  # noqa: ANN401 - See `_send_all`.
    try:
        return connection.recv()
    except (EOFError, OSError):
        process.join()
        is_killed = process.exitcode == -signal.SIGKILL
        raise MoviesError(
            "The reader process was killed: the system may be out of memory."
            if is_killed
            else "The reader process failed: its error is printed above."
        ) from None


def _send_all(
    files: DataSetFiles,
    selection: Selection,
    staging: Path,
    after: str | None,
    connection: Connection,
) -> None:
    """Send the progress of the preparation, the batches, and the line errors; or an error."""
    errors = LineErrors()
    with suppress(ConnectionError):  # The parent has stopped reading.
        try:
            for batch in read_movie_batches(
                files,
                selection,
                staging=staging,
                errors=errors,
                after=after,
                advance=lambda done, total: connection.send((done, total)),
            ):
                connection.send(batch)
        except MoviesError as error:
            connection.send(error)
        else:
            connection.send(errors)
