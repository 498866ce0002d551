"""What the endpoints of films answer, as their documentation shows it."""

from http import HTTPStatus

import orjson

from data_layer.entities.movie import MovieFacts, Rating
from data_layer.entities.movie_document import movie_document
from movies_service.routers.responses import (
    DATABASE_FULL,
    DATABASE_UNAVAILABLE,
    INVALID,
    NOT_FOUND,
    Responses,
    example,
    problem_response,
    with_revision,
)
from movies_service.schemas.movies import MovieOut

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

ADD_RESPONSES: Responses = {
    **with_revision(example(MOVIE, model=MovieOut, description="It was there already.")),
    **with_revision(example(MOVIE, HTTPStatus.CREATED, description="It is new.")),
    **problem_response(HTTPStatus.BAD_REQUEST, "malformed-body", "The body is not JSON in UTF-8."),
    **problem_response(
        HTTPStatus.UNAUTHORIZED, "unauthenticated", "Send an API key in the X-API-Key header."
    ),
    **problem_response(
        HTTPStatus.FORBIDDEN, "forbidden", "This API key lacks the scope movies:write."
    ),
    **problem_response(HTTPStatus.NOT_FOUND, "not-found", "OMDb has no such movie."),
    **problem_response(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "body-too-large",
        "The body is larger than the 65536 bytes that are read.",
    ),
    **problem_response(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "unsupported-media-type",
        "The body is not announced as JSON: send Content-Type: application/json.",
    ),
    **INVALID,
    **problem_response(
        HTTPStatus.BAD_GATEWAY, "upstream-unavailable", "OMDb can't be reached at the moment."
    ),
    **problem_response(
        HTTPStatus.SERVICE_UNAVAILABLE, "upstream-quota", "OMDb's requests of the day are spent."
    ),
    **problem_response(
        HTTPStatus.GATEWAY_TIMEOUT, "upstream-timeout", "OMDb did not answer in time."
    ),
    **DATABASE_FULL,
}

REMOVE_RESPONSES: Responses = {
    **with_revision({204: {"description": "It is gone."}}),
    **problem_response(
        HTTPStatus.UNAUTHORIZED, "unauthenticated", "Send an API key in the X-API-Key header."
    ),
    **problem_response(
        HTTPStatus.FORBIDDEN, "forbidden", "This API key lacks the scope movies:delete."
    ),
    **NOT_FOUND,
    **INVALID,
    **DATABASE_UNAVAILABLE,
}
