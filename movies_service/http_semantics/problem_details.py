"""Errors as HTTP answers: one table of statuses, one form (RFC 9457)."""

from collections.abc import Sequence
from http import HTTPStatus

import orjson
import structlog
from fastapi import Response

from common.errors import (
    Conflict,
    DatabaseFull,
    DatabaseUnavailable,
    Forbidden,
    InvalidInput,
    MalformedBody,
    MoviesError,
    NotFound,
    PreconditionFailed,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UpstreamQuota,
    UpstreamTimeout,
    UpstreamUnavailable,
)

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:movies-api:problem:"

RETRY_AFTER_SECONDS = 30
"""What clients are told where a retry helps and nobody knows when."""

_STATUSES: tuple[tuple[type[MoviesError], HTTPStatus], ...] = (
    (MalformedBody, HTTPStatus.BAD_REQUEST),
    (InvalidInput, HTTPStatus.UNPROCESSABLE_ENTITY),
    (Unauthenticated, HTTPStatus.UNAUTHORIZED),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.CONFLICT),
    (PreconditionFailed, HTTPStatus.PRECONDITION_FAILED),
    (TooManyRequests, HTTPStatus.TOO_MANY_REQUESTS),
    (DatabaseFull, HTTPStatus.INSUFFICIENT_STORAGE),
    (DatabaseUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (UpstreamQuota, HTTPStatus.SERVICE_UNAVAILABLE),
    (UpstreamTimeout, HTTPStatus.GATEWAY_TIMEOUT),
    (UpstreamUnavailable, HTTPStatus.BAD_GATEWAY),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)


def status_of(error: MoviesError) -> HTTPStatus:
    """Return the status of an error of this project."""
    return next(status for kind, status in _STATUSES if isinstance(error, kind))


def problem(error: MoviesError) -> Response:
    """Return the answer to an error of this project."""
    status = status_of(error)
    headers = {}
    if isinstance(error, (Unavailable, TooManyRequests)):
        headers["Retry-After"] = str(error.retry_after_seconds or RETRY_AFTER_SECONDS)
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="movies-api", ApiKey realm="movies-api"'
    errors: list[tuple[str, str]] = []
    if isinstance(error, InvalidInput) and error.field is not None:
        errors = [(error.field, error.message)]
    return write_problem(status, error.code, error.message, headers=headers, errors=errors)


def write_problem(
    status: HTTPStatus,
    code: str,
    detail: str,
    *,
    headers: dict[str, str] | None = None,
    errors: Sequence[tuple[str, str]] = (),
) -> Response:
    """Return a problem document.

    Args:
        status: of the answer.
        code: stable name of the kind of problem.
        detail: what happened and what to do; never repeats input.
        headers: of the answer.
        errors: pairs of the place and the fault of each wrong input.
    """
    request_id = structlog.contextvars.get_contextvars().get("request_id", "")
    document = problem_document(status, code, detail, request_id)
    if errors:
        document["errors"] = [{"field": field, "message": message} for field, message in errors]
    return Response(
        orjson.dumps(document),
        status_code=status.value,
        media_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def problem_document(
    status: HTTPStatus, code: str, detail: str, request_id: str
) -> dict[str, object]:
    """Return a problem document as it is written; see `write_problem`."""
    return {
        "type": f"{TYPE_PREFIX}{code}",
        "title": status.phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
    }
