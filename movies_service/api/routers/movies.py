"""Endpoints of movies: list, get, add, refresh, change and delete."""

from dataclasses import replace
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from common.errors import (
    Conflict,
    NotFound,
    PreconditionFailed,
    TooManyRequests,
    UpstreamQuotaExceeded,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from data_fetcher.omdb.lookups import MovieLookup
from data_layer.entities.fetch import Fetch, FetchState
from data_layer.entities.movie import StoredMovie
from data_layer.entities.movie_fields import IMDB_ID_PATTERN
from data_layer.entities.scope import Scope
from data_layer.ports.result_recorder import ResultRecorder
from movies_service.accounts.caller import Caller
from movies_service.api.dependencies.authentication import (
    lacks_scope,
    require,
    require_add_permission,
)
from movies_service.api.dependencies.idempotency import IdempotencyDependency
from movies_service.api.dependencies.json_body import (
    JSON,
    StrictRoute,
    body_of,
    require_json,
    require_media_type,
    validate_body,
)
from movies_service.api.dependencies.prefer import PreferDependency
from movies_service.api.dependencies.use_cases import UseCases, UseCasesDependency
from movies_service.api.rendering.conditional_requests import json_response
from movies_service.api.rendering.movie_page import page_document
from movies_service.api.rendering.private import private_json_response
from movies_service.api.response_docs import REVISION, Responses, errors
from movies_service.api.schemas.fetches import FetchOut
from movies_service.api.schemas.movie_query import GetParameters, ListParameters
from movies_service.api.schemas.movies import MovieLookupIn, MovieOut, MoviePageOut, MoviePatchIn
from movies_service.http_semantics.etags import compute_etag, if_match_predicate
from movies_service.http_semantics.headers import REVISION_HEADER
from movies_service.http_semantics.prefer import PreferHeader
from movies_service.use_cases.add_movie import AddedMovie
from movies_service.use_cases.movie_reference import parse_identifier, parse_reference

router = APIRouter(prefix="/movies", tags=["movies"], route_class=StrictRoute)
reads = APIRouter(prefix="/movies", tags=["movies"])
"""Public reads, which also take the fast path; see `movies_service.middleware.fast_path`."""

_MERGE_PATCH = "application/merge-patch+json"
_NOT_MODIFIED: Responses = {
    304: {"description": "The representation named in If-None-Match is current."}
}
_NOT_FOUND = NotFound("No movie has this id.")
_CHANGED_SINCE = PreconditionFailed("The movie has changed: read it again and retry.")
_UPSTREAM_ERRORS = (
    UpstreamUnavailable,
    UpstreamQuotaExceeded(
        "Daily OMDb quota used up (1,000 of 1,000 requests); the count restarts at 00:00 UTC."
    ),
    UpstreamTimeout,
)

Writer = Annotated[Caller, Depends(require(Scope.MOVIES_WRITE))]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description=(
            "RFC 9110. `ETag` of the movie as it was last read. If the movie was changed since, the"
            " response is a 412 and nothing is changed."
        ),
    ),
]
Reference = Annotated[str, Path(description="Id, IMDb id or title.", examples=["Alien"])]
Identifier = Annotated[
    str,
    Path(
        description="Id or IMDb id.",
        examples=["7"],
        json_schema_extra={"pattern": f"^([0-9]{{1,16}}|{IMDB_ID_PATTERN})$"},
    ),
]


@reads.get("", summary="List movies", response_model=MoviePageOut, responses=_NOT_MODIFIED)
async def list_movies(
    request: Request, use_cases: UseCasesDependency, query: Annotated[ListParameters, Query()]
) -> Response:
    """Return a page of movies. Public.

    Filters are combined with AND and match whole values, regardless of case and accents:
    `title=amelie` finds "Amélie". Follow `next_url` for the next page; it keeps filters and order.
    Unknown and repeated query parameters are a 422, and so is a `page` with more than 10,000 movies
    before it.

    The response has an `ETag`; send it as `If-None-Match` to get a 304 if nothing changed.
    """
    movie_query = query.to_query()
    read = use_cases.read if movie_query.is_short else use_cases.long_read
    page = await read(use_cases.movies.list, movie_query)
    return json_response(request, page_document(page, query.next_url(page)))


@router.post(
    "",
    summary="Add a movie",
    status_code=HTTPStatus.CREATED,
    response_model=MovieOut,
    response_description="The movie was fetched and added.",
    responses={
        200: {
            "model": MovieOut,
            "description": "The movie was already in the catalogue.",
            **REVISION,
        },
        201: REVISION,
        202: {"model": FetchOut, "description": "The fetch is queued; Location is its URL."},
        **errors(
            lacks_scope(Scope.MOVIES_WRITE), NotFound("OMDb has no such movie."), *_UPSTREAM_ERRORS
        ),
    },
    dependencies=[Depends(require_json)],
)
async def add_movie(
    use_cases: UseCasesDependency,
    caller: Annotated[Caller, Depends(require_add_permission)],
    idempotency: IdempotencyDependency,
    prefer: PreferDependency,
    lookup: MovieLookupIn,
) -> Response:
    """Fetch a movie from OMDb by title or IMDb id, and store it.

    Returns a 201 for a new movie, and a 200 if it is already in the catalogue. Public, unless the
    operator requires the scope `movies:write`; new movies count towards the rate limit of adding
    movies.

    With `Prefer: respond-async` the fetch is queued and the response is a 202, with the URL of the
    fetch in `Location`. With `Prefer: respond-async, wait=5` the response is the movie, if it
    arrives within 5 seconds. A client that already waits for 10 fetches gets the 202 at once, with
    no `wait` in `Preference-Applied`. Use an `Idempotency-Key` to retry the call safely.
    """

    async def find() -> AddedMovie | None:
        return await use_cases.add_movie.find(lookup.to_lookup())

    if prefer.is_async or use_cases.policy.adding_is_async:
        addition = _AsyncAddition(use_cases, caller, replace(prefer, is_async=True))
        return await idempotency.run(
            caller,
            lambda record: addition.find_or_enqueue(lookup.to_lookup(), record),
            lambda result: fetch_response(result, addition.prefer),
            find,
        )
    return await idempotency.run(
        caller,
        lambda record: use_cases.add_movie.run(lookup.to_lookup(), caller, record),
        _added_response,
        find,
    )


@router.post(
    "/{reference:path}/refresh",
    summary="Refresh a movie from OMDb",
    response_model=MovieOut,
    response_description="The movie after the refresh.",
    responses={200: REVISION, **errors(_NOT_FOUND, *_UPSTREAM_ERRORS)},
)
async def refresh_movie(
    use_cases: UseCasesDependency,
    writer: Writer,
    idempotency: IdempotencyDependency,
    reference: Identifier,
) -> Response:
    """Fetch a movie from OMDb again, by its id or IMDb id, and replace its stored data.

    Requires the scope `movies:write`, and counts towards the rate limit of adding movies. Changes
    made with `PATCH` are overwritten; a field that OMDb no longer has becomes `null`. If OMDb
    fails, the movie stays unchanged.
    """
    identifier = parse_identifier(reference)
    return await idempotency.run(
        writer,
        lambda record: use_cases.refresh_movie.run(identifier, writer, record),
        lambda refreshed: _movie_response(refreshed.movie, refreshed.revision),
    )


@router.patch(
    "/{reference:path}",
    summary="Change a movie",
    response_model=MovieOut,
    response_description="The movie after the change.",
    responses={
        200: REVISION,
        **errors(
            _NOT_FOUND,
            Conflict("A movie with this IMDb id is in the catalogue."),
            _CHANGED_SINCE,
        ),
    },
    openapi_extra=body_of((_MERGE_PATCH, MoviePatchIn), (JSON, MoviePatchIn)),
)
async def change_movie(
    request: Request,
    use_cases: UseCasesDependency,
    writer: Writer,
    reference: Identifier,
    if_match: IfMatch = None,
) -> Response:
    """Change fields of a movie, by its id or IMDb id, with a JSON merge patch (RFC 7396).

    Requires the scope `movies:write`. Absent fields stay unchanged, `null` clears a field, and a
    list replaces the whole list. Send the `ETag` of the movie as `If-Match` to avoid overwriting
    concurrent changes: a 412 means that the movie was changed since it was read. A changed movie is
    not refreshed from OMDb automatically any more.
    """
    require_media_type(request, _MERGE_PATCH, JSON)
    patch = validate_body(MoviePatchIn, await request.body())
    changed = await use_cases.write(
        use_cases.movies.change,
        parse_identifier(reference),
        patch.to_changes(),
        writer,
        if_match_predicate(if_match),
    )
    return _movie_response(changed.movie, changed.revision)


@reads.get(
    "/{reference:path}",
    summary="Get a movie",
    response_model=MovieOut,
    responses={**_NOT_MODIFIED, **errors(_NOT_FOUND)},
)
async def get_movie(
    request: Request,
    use_cases: UseCasesDependency,
    reference: Reference,
    query: Annotated[GetParameters, Query()],
) -> Response:
    """Return a movie by its id, IMDb id or title. Public.

    A title may contain slashes. If several movies have the title, the one with the most IMDb votes
    is returned, and the `Link` header lists the others as `rel="alternate"`; `year` selects among
    them. Digits are always an id: find the movie "1917" with `GET /movies?title=1917`.

    `Content-Location` is the canonical URL of the movie. The response has an `ETag`; send it as
    `If-None-Match` to get a 304 if the movie did not change.
    """
    found = await use_cases.read(use_cases.movies.get, parse_reference(reference), query.year)
    headers = {"Content-Location": _movie_url(found.movie)}
    if found.alternates:
        headers["Link"] = ", ".join(
            f'<{_movie_url(other)}>; rel="alternate"' for other in found.alternates
        )
    return json_response(request, found.movie.document, headers)


@router.delete(
    "/{reference:path}",
    summary="Delete a movie",
    status_code=HTTPStatus.NO_CONTENT,
    response_description="The movie is deleted.",
    responses={204: REVISION, **errors(_NOT_FOUND, _CHANGED_SINCE)},
)
async def remove_movie(
    use_cases: UseCasesDependency,
    remover: Annotated[Caller, Depends(require(Scope.MOVIES_DELETE))],
    reference: Identifier,
    if_match: IfMatch = None,
) -> Response:
    """Delete a movie by its id or IMDb id.

    Requires the scope `movies:delete`. Send the `ETag` of the movie as `If-Match` to delete it only
    if it did not change since it was read.
    """
    revision = await use_cases.write(
        use_cases.movies.remove, parse_identifier(reference), remover, if_match_predicate(if_match)
    )
    headers = {REVISION_HEADER: str(revision)}
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)


class _AsyncAddition:
    """Addition of a movie through the queue; `prefer` has the preferences that are honoured."""

    def __init__(self, use_cases: UseCases, by: Caller, prefer: PreferHeader) -> None:
        self._use_cases = use_cases
        self._by = by
        self.prefer = prefer

    async def find_or_enqueue(
        self, lookup: MovieLookup, record: ResultRecorder[Fetch]
    ) -> AddedMovie | Fetch:
        """Return the movie if it is in the catalogue or fetched within the wait; else its fetch."""
        use_cases = self._use_cases
        if (existing := await use_cases.add_movie.find(lookup)) is not None:
            return existing
        fetch = await use_cases.request_fetches.enqueue_one(lookup, self._by, record)
        fetch = await self._wait(fetch)
        if fetch.state is not FetchState.FETCHED:
            return fetch
        added = await use_cases.read(use_cases.add_movie.find_fetched, fetch)
        return replace(added, is_new=True)

    async def _wait(self, fetch: Fetch) -> Fetch:
        """Return the fetch after the preferred wait, or at once if its client waits for too many.

        The fetch is stored, so that an error would mislead the client.

        Source: RFC 7240, section 2: a server may ignore a preference.
        """
        if seconds := self.prefer.wait_seconds:
            try:
                return await self._use_cases.request_fetches.wait(fetch, seconds, self._by.address)
            except TooManyRequests:
                self.prefer = replace(self.prefer, wait_seconds=0)
        return fetch


def fetch_response(result: AddedMovie | Fetch, prefer: PreferHeader) -> Response:
    """Return the movie as a 200 or 201, or its fetch as a 202, with `Preference-Applied`."""
    if isinstance(result, Fetch):
        fetch = FetchOut.of(result)
        return private_json_response(
            fetch, HTTPStatus.ACCEPTED, Location=fetch.self_url, **prefer.applied
        )
    response = _added_response(result)
    response.headers.update(prefer.applied)
    return response


def _added_response(added: AddedMovie) -> Response:
    status = HTTPStatus.CREATED if added.is_new else HTTPStatus.OK
    return _movie_response(added.movie, added.revision, status, Location=_movie_url(added.movie))


def _movie_response(
    movie: StoredMovie, revision: int, status: HTTPStatus = HTTPStatus.OK, **headers: str
) -> Response:
    """Return a movie after a write, with its ETag and the catalogue revision that contains it."""
    return Response(
        movie.document,
        status_code=status,
        media_type="application/json",
        headers={
            "ETag": compute_etag(movie.document),
            "Cache-Control": "no-store",
            REVISION_HEADER: str(revision),
            **headers,
        },
    )


def _movie_url(movie: StoredMovie) -> str:
    return f"/movies/{movie.id}"
