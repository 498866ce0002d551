"""What the endpoints of films answer, as their documentation shows it."""

from http import HTTPStatus

import orjson

from data_layer.entities.movie import MovieFacts, Rating
from data_layer.entities.movie_document import movie_document
from data_layer.entities.scope import Scope
from movies_service.api.response_docs import (
    DATABASE_FULL,
    DATABASE_UNAVAILABLE,
    INVALID,
    MALFORMED,
    NOT_FOUND,
    TOO_LARGE,
    UNSUPPORTED,
    Responses,
    example,
    problem_response,
    refused,
    with_revision,
)
from movies_service.api.schemas.fetch_examples import FETCH
from movies_service.api.schemas.fetches import FetchOut
from movies_service.api.schemas.movies import MovieOut

MOVIE = orjson.loads(
    movie_document(
        1,
        MovieFacts(
            title="Alien",
            imdb_id="tt0078748",
            year=1979,
            rated="R",
            runtime_minutes=117,
            genres=("Sci-Fi", "Horror"),
            directors=("Ridley Scott",),
            writers=("Dan O'Bannon",),
            cast=("Sigourney Weaver", "Tom Skerritt", "John Hurt"),
            languages=("English",),
            countries=("United Kingdom", "United States"),
            awards="Won 1 Oscar.",
            ratings=(Rating("Metacritic", "89/100"),),
            metascore=89,
        ),
    )
)

_PAGE = {
    "movies": [MOVIE],
    "next_url": "/movies?genre=Horror&sort=title&limit=1&cursor=E0X_qLhqZBdbImFsaWVuIiwxXQ",
    "total": 7,
}

_NOT_MODIFIED: Responses = {304: {"description": "You have it: If-None-Match named its ETag."}}

LIST_RESPONSES: Responses = {
    **example(_PAGE),
    **_NOT_MODIFIED,
    **INVALID,
    **DATABASE_UNAVAILABLE,
}

GET_RESPONSES: Responses = {
    **example(MOVIE),
    **_NOT_MODIFIED,
    **NOT_FOUND,
    **INVALID,
    **DATABASE_UNAVAILABLE,
}

_CHANGED_SINCE = problem_response(
    HTTPStatus.PRECONDITION_FAILED,
    "precondition-failed",
    "The film has changed since: get it again.",
)

_UPSTREAM: Responses = {
    **problem_response(
        HTTPStatus.BAD_GATEWAY, "upstream-unavailable", "OMDb can't be reached at the moment."
    ),
    **problem_response(
        HTTPStatus.SERVICE_UNAVAILABLE, "upstream-quota", "OMDb's requests of the day are spent."
    ),
    **problem_response(
        HTTPStatus.GATEWAY_TIMEOUT, "upstream-timeout", "OMDb did not answer in time."
    ),
}

ADD_RESPONSES: Responses = {
    **with_revision(example(MOVIE, model=MovieOut, description="It was there already.")),
    **with_revision(example(MOVIE, HTTPStatus.CREATED, description="It is new.")),
    **example(
        FETCH, HTTPStatus.ACCEPTED, model=FetchOut, description="It is wished for; see Location."
    ),
    **MALFORMED,
    **refused(Scope.MOVIES_WRITE),
    **problem_response(HTTPStatus.NOT_FOUND, "not-found", "OMDb has no such movie."),
    **TOO_LARGE,
    **UNSUPPORTED,
    **INVALID,
    **_UPSTREAM,
    **DATABASE_FULL,
}

REMOVE_RESPONSES: Responses = {
    **with_revision({204: {"description": "It is gone."}}),
    **refused(Scope.MOVIES_DELETE),
    **NOT_FOUND,
    **_CHANGED_SINCE,
    **INVALID,
    **DATABASE_FULL,
}

CHANGE_RESPONSES: Responses = {
    **with_revision(example(MOVIE, description="The film as it is now.")),
    **MALFORMED,
    **refused(Scope.MOVIES_WRITE),
    **NOT_FOUND,
    **problem_response(
        HTTPStatus.CONFLICT, "conflict", "A movie with this IMDb id is in the catalogue."
    ),
    **_CHANGED_SINCE,
    **TOO_LARGE,
    **UNSUPPORTED,
    **INVALID,
    **DATABASE_FULL,
}

REFRESH_RESPONSES: Responses = {
    **with_revision(example(MOVIE, description="The film as it is now.")),
    **refused(Scope.MOVIES_WRITE),
    **NOT_FOUND,
    **INVALID,
    **_UPSTREAM,
    **DATABASE_FULL,
}
