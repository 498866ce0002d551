"""What the endpoints of ingested objects answer, as their documentation shows it."""

from http import HTTPStatus

from data_layer.entities.scope import Scope
from movies_service.api.response_docs import (
    DATABASE_FULL,
    INVALID,
    Responses,
    example,
    problem_response,
    refused,
)

INGEST = {
    "id": 7,
    "state": "partly",
    "source": "s3://partner-drop/movies",
    "key": "2026-11-21.ndjson.gz",
    "etag": '"etag-of-this-version"',
    "size_bytes": 48213,
    "modified_at": "2026-11-21T12:00:00Z",
    "ingested_at": "2026-11-21T12:00:31Z",
    "updates": {
        "added": 12,
        "changed": 85,
        "removed": 1,
        "unchanged": 301,
        "late": 0,
        "refused": 1,
    },
    "self_url": "/ingests/7",
}

_SOURCE = {
    "name": "s3://partner-drop/movies",
    "wanted_at": None,
    "looked_at": "2026-11-21T12:00:31Z",
    "problem": None,
}

_NOT_FOUND = problem_response(HTTPStatus.NOT_FOUND, "not-found", "No ingest has this id.")

LIST_RESPONSES: Responses = {
    **example({"source": _SOURCE, "ingests": [INGEST], "next_url": None}),
    **refused(Scope.OPS_READ),
    **INVALID,
}

GET_RESPONSES: Responses = {
    **example(INGEST),
    **refused(Scope.OPS_READ),
    **_NOT_FOUND,
    **INVALID,
}

FAULTS_RESPONSES: Responses = {
    **example(
        {"errors": [{"line": 17, "field": "year", "message": "Input should be a valid integer."}]}
    ),
    **refused(Scope.OPS_READ),
    **_NOT_FOUND,
    **INVALID,
}

ASK_RESPONSES: Responses = {
    **example({**_SOURCE, "wanted_at": "2026-11-21T12:00:40Z"}, HTTPStatus.ACCEPTED),
    **refused(Scope.MOVIES_WRITE),
    **problem_response(
        HTTPStatus.CONFLICT,
        "conflict",
        "No updates are taken in: set MOVIES_INGEST_SOURCE.",
    ),
    **INVALID,
    **DATABASE_FULL,
}
