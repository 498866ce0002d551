"""Exit codes of the commands."""

from enum import IntEnum

from common.errors import (
    BucketUnavailable,
    Conflict,
    DatabaseUnavailable,
    InvalidInput,
    MoviesError,
    NotFound,
    UpstreamUnavailable,
)


class ExitCode(IntEnum):
    """Exit codes, as listed in docs/reference/commands.md."""

    DONE = 0
    """Success."""
    FAILED = 1
    """Failure without a more specific code."""
    USAGE = 2
    """Invalid command line or setting; nothing was done."""
    PARTIAL = 3
    """Partial success; the failed items were reported."""
    UPSTREAM = 4
    """OMDb or the ingest source is unavailable."""
    DATABASE = 5
    """The database is unavailable."""


_BY_ERROR: tuple[tuple[type[MoviesError], ExitCode], ...] = (
    (InvalidInput, ExitCode.USAGE),
    (NotFound, ExitCode.USAGE),
    (Conflict, ExitCode.USAGE),
    (DatabaseUnavailable, ExitCode.DATABASE),
    (UpstreamUnavailable, ExitCode.UPSTREAM),
    (BucketUnavailable, ExitCode.UPSTREAM),
)


def exit_code_for(error: MoviesError) -> ExitCode:
    """Return the exit code for `error`; `FAILED` if its class has no code of its own."""
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), ExitCode.FAILED)
