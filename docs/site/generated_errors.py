"""Reference of error codes and exit codes, from the exception tree and its tables."""

from collections.abc import Iterator
from http import HTTPStatus

from common.cli.exit_codes import ExitCode
from common.cli.start import INTERRUPTED
from common.errors import InvalidSetting, MoviesError
from docs.site.tables import attribute_docstrings, first_sentence, table
from movies_service.http_semantics.problem_details import status_for

_PROTOCOL_ERRORS = (
    (
        HTTPStatus.BAD_REQUEST,
        "malformed-request",
        "The bytes are not an HTTP/1.1 request, or it has no `Host` header, or several.",
    ),
    (
        HTTPStatus.METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "The path exists, but not with this method.",
    ),
    (HTTPStatus.REQUEST_TIMEOUT, "request-timeout", "The request did not arrive in time."),
    (
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "body-too-large",
        "The body has more than `MOVIES_MAX_BODY_BYTES` bytes.",
    ),
    (
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "unsupported-media-type",
        "The body has another `Content-Type`, or is compressed.",
    ),
    (
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "header-fields-too-large",
        "Path, query and headers have more than `MOVIES_MAX_HEADER_BYTES` bytes.",
    ),
    (HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error", "A fault of the service."),
)
"""Errors that the protocol layer finds before any exception of the tree is raised."""

REMEDIES = {
    "bucket-unavailable": "Check `MOVIES_INGEST_SOURCE` and its credentials.",
    "body-too-large": "Send less, or raise the limit.",
    "conflict": "Read the current state, then decide.",
    "database-damaged": "Restore a backup or repair the database, and restart the service.",
    "database-full": "Free disk space on the host of the database.",
    "database-limit-exceeded": "Send less; on MariaDB, raise `max_allowed_packet`.",
    "database-read-only": "Make the database writable, or use the primary server.",
    "database-unavailable": "Retry after `Retry-After`; check the database.",
    "forbidden": "Use a credential with the scope that `detail` names.",
    "header-fields-too-large": "Shorten the query or the headers.",
    "internal-error": "Report it with the `request_id`; the log has the traceback.",
    "invalid-input": "Correct the inputs that `errors` lists. "
    "An `Idempotency-Key` belongs to one body.",
    "malformed-body": "Send valid JSON in UTF-8: unique names, no NaN, at most 32 levels.",
    "malformed-request": "Send HTTP/1.1 with exactly one `Host` header.",
    "method-not-allowed": "Use a method that the `Allow` header lists.",
    "not-found": "Check the path or the id.",
    "precondition-failed": "Read the movie again and repeat with its new `ETag`.",
    "request-timeout": "Send the whole request within `MOVIES_REQUEST_TIMEOUT_SECONDS`.",
    "too-many-requests": "Wait for `Retry-After` seconds.",
    "unauthenticated": "Send a valid API key or access token.",
    "unavailable": "Retry after `Retry-After`.",
    "unsupported-media-type": "Send the `Content-Type` that `detail` names, uncompressed.",
    "upstream-bad-response": "Check whether another host answers in OMDb's place.",
    "upstream-quota-exceeded": "Wait, or use a key with a larger quota. The own count restarts at"
    " 00:00 UTC; the hour of OMDb's count is not documented, so that it is asked every hour.",
    "upstream-timeout": "Retry after `Retry-After`.",
    "upstream-unauthorized": "Check `OMDB_API_KEY`.",
    "upstream-unavailable": "Retry after `Retry-After`.",
}
"""The action for each error code. A code without an entry stops the build."""


def describe_errors() -> str:
    """Render a table of all codes that responses carry, by status."""
    found = [
        (status_for(kind("")), kind.code, first_sentence(kind.__doc__), kind.retry_helps)
        for kind in _kinds(MoviesError)
        if "code" in vars(kind) and kind is not InvalidSetting
    ]
    found += [(status, name, meaning, False) for status, name, meaning in _PROTOCOL_ERRORS]
    rows = [
        (str(status.value), f"`{name}`", meaning, REMEDIES[name], "yes" if retry_helps else "no")
        for status, name, meaning, retry_helps in sorted(found)
    ]
    return table(("status", "code", "meaning", "what to do", "retry helps"), rows)


def _kinds(base: type[MoviesError]) -> Iterator[type[MoviesError]]:
    """Yield the classes of the tree below `base`, as far as `common.errors` declares them."""
    for kind in base.__subclasses__():
        if kind.__module__ == MoviesError.__module__:
            yield kind
            yield from _kinds(kind)


def describe_exit_codes() -> str:
    """Render a table of the exit codes of all commands."""
    meanings = attribute_docstrings(ExitCode)
    rows = [(str(exit_code.value), meanings[exit_code.name]) for exit_code in ExitCode]
    rows.append((str(INTERRUPTED), "Interrupted by Ctrl-C."))
    return table(("exit code", "meaning"), rows)
