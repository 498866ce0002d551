"""What the endpoints of fetches answer, as their documentation shows it."""

from http import HTTPStatus

from data_layer.entities.scope import Scope
from movies_service.api.response_docs import (
    DATABASE_FULL,
    DATABASE_UNAVAILABLE,
    INVALID,
    MALFORMED,
    TOO_LARGE,
    UNSUPPORTED,
    Responses,
    example,
    problem_response,
    refused,
)

FETCH = {
    "id": 7,
    "state": "queued",
    "wish": {"imdb_id": None, "title": "Alien", "year": None},
    "attempts": 0,
    "created_at": "2026-11-21T12:00:00Z",
    "due_at": "2026-11-21T12:00:00Z",
    "started_at": None,
    "finished_at": None,
    "movie_url": None,
    "problem": None,
    "self_url": "/fetches/7",
}

_NOT_FOUND = problem_response(HTTPStatus.NOT_FOUND, "not-found", "No fetch has this id.")
_DONE = problem_response(HTTPStatus.CONFLICT, "conflict", "It is done, and can't be cancelled.")

WISH_RESPONSES: Responses = {
    **example({"fetches": [FETCH]}, HTTPStatus.ACCEPTED),
    **MALFORMED,
    **refused(Scope.MOVIES_WRITE),
    **TOO_LARGE,
    **UNSUPPORTED,
    **INVALID,
    **DATABASE_FULL,
}

LIST_RESPONSES: Responses = {
    **example({"fetches": [FETCH], "next_url": None}),
    **INVALID,
    **DATABASE_UNAVAILABLE,
}

GET_RESPONSES: Responses = {
    **example(FETCH),
    **_NOT_FOUND,
    **INVALID,
    **DATABASE_UNAVAILABLE,
}

CHANGE_RESPONSES: Responses = {
    **example(FETCH),
    **refused(Scope.MOVIES_WRITE),
    **_NOT_FOUND,
    **_DONE,
    **INVALID,
    **DATABASE_FULL,
}

EVENTS_RESPONSES: Responses = {
    200: {
        "description": "An event `fetch` with each change; the last one when it is done.",
        "content": {
            "text/event-stream": {
                "schema": {
                    "type": "object",
                    "required": ["event", "id", "data"],
                    "properties": {
                        "event": {"const": "fetch"},
                        "id": {"type": "string", "description": "A number, from 1 on."},
                        "data": {"type": "string", "description": "The fetch, as JSON."},
                    },
                },
                "example": {"event": "fetch", "id": "1", "data": '{"id": 7, …}'},
            }
        },
    },
    **_NOT_FOUND,
    **INVALID,
    **DATABASE_UNAVAILABLE,
}
