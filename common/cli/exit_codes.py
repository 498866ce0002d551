"""How a command of this project ends, as a number that scripts can read."""

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
    """The exit codes that README lists."""

    DONE = 0
    """Everything that was asked for is done."""
    FAILED = 1
    """It failed for a reason that no other code names."""
    USAGE = 2
    """The command line or a setting is wrong; nothing was done."""
    PARTLY = 3
    """A part is done; what is not was reported."""
    UPSTREAM = 4
    """OMDb does not serve, or the bucket with updates."""
    DATABASE = 5
    """The database does not serve."""


_BY_ERROR: tuple[tuple[type[MoviesError], ExitCode], ...] = (
    (InvalidInput, ExitCode.USAGE),
    (NotFound, ExitCode.USAGE),
    (Conflict, ExitCode.USAGE),
    (DatabaseUnavailable, ExitCode.DATABASE),
    (UpstreamUnavailable, ExitCode.UPSTREAM),
    (BucketUnavailable, ExitCode.UPSTREAM),
)


def exit_code_of(error: MoviesError) -> ExitCode:
    """Return the exit code of a command that ended with `error`."""
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), ExitCode.FAILED)
