"""Problem documents (RFC 9457), and the status of each class of error."""

from collections.abc import Sequence
from http import HTTPStatus

import orjson
import structlog
from starlette.responses import Response

from common.errors import (
    Conflict,
    DatabaseFull,
    DatabaseLimitExceeded,
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
    UpstreamQuotaExceeded,
    UpstreamTimeout,
    UpstreamUnavailable,
)

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:movies-api:problem:"

RETRY_AFTER_SECONDS = 30
"""Default `Retry-After` of retryable errors without a known delay."""

_STATUSES: tuple[tuple[type[MoviesError], HTTPStatus], ...] = (
    (MalformedBody, HTTPStatus.BAD_REQUEST),
    (InvalidInput, HTTPStatus.UNPROCESSABLE_ENTITY),
    (Unauthenticated, HTTPStatus.UNAUTHORIZED),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.CONFLICT),
    (PreconditionFailed, HTTPStatus.PRECONDITION_FAILED),
    (TooManyRequests, HTTPStatus.TOO_MANY_REQUESTS),
    (DatabaseLimitExceeded, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (DatabaseFull, HTTPStatus.INSUFFICIENT_STORAGE),
    (DatabaseUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (UpstreamQuotaExceeded, HTTPStatus.SERVICE_UNAVAILABLE),
    (UpstreamTimeout, HTTPStatus.GATEWAY_TIMEOUT),
    (UpstreamUnavailable, HTTPStatus.BAD_GATEWAY),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)


def status_for(error: MoviesError) -> HTTPStatus:
    """Return the HTTP status of an error."""
    return next(status for kind, status in _STATUSES if isinstance(error, kind))


def problem_response(error: MoviesError) -> Response:
    """Return the problem document of an error, with `Retry-After` or `WWW-Authenticate`."""
    status = status_for(error)
    headers = {}
    if isinstance(error, (Unavailable, TooManyRequests)):
        headers["Retry-After"] = str(error.retry_after_seconds or RETRY_AFTER_SECONDS)
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="movies-api", ApiKey realm="movies-api"'
    errors: list[tuple[str, str]] = []
    if isinstance(error, InvalidInput) and error.field is not None:
        errors = [(error.field, error.message)]
    return build_problem_response(status, error.code, error.message, headers=headers, errors=errors)


def build_problem_response(
    status: HTTPStatus,
    code: str,
    detail: str,
    *,
    headers: dict[str, str] | None = None,
    errors: Sequence[tuple[str, str]] = (),
) -> Response:
    """Return a response with a problem document; `errors` has pairs of field and message."""
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
    """Return the fields of a problem document; see `build_problem_response`."""
    return {
        "type": f"{TYPE_PREFIX}{code}",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "code": code,
        "request_id": request_id,
    }
