"""The films."""

from dataclasses import replace
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from data_fetcher.omdb.lookups import Wish
from data_layer.entities.fetch import Fetch, FetchState
from data_layer.entities.movie import StoredMovie
from data_layer.entities.scope import Scope
from movies_service.accounts.caller import Caller
from movies_service.api.dependencies.authentication import require, require_for_adding
from movies_service.api.dependencies.idempotency import OnceDependency
from movies_service.api.dependencies.json_body import (
    JSON,
    StrictRoute,
    body_of,
    require_json,
    require_media_type,
    validate_body,
)
from movies_service.api.dependencies.prefer import Preferences, PreferencesDependency
from movies_service.api.dependencies.use_cases import Services, ServicesDependency
from movies_service.api.rendering.conditional_requests import answer_json, etag_of, is_named_by
from movies_service.api.rendering.movie_page import page_document
from movies_service.api.rendering.private import answer_privately
from movies_service.api.schemas import movie_examples as examples
from movies_service.api.schemas.fetches import FetchOut
from movies_service.api.schemas.movie_query import GetParameters, ListParameters
from movies_service.api.schemas.movies import MovieOut, MoviePageOut, MoviePatchIn, MovieWishIn
from movies_service.http_semantics.headers import REVISION_HEADER
from movies_service.use_cases.add_movie import AddedMovie
from movies_service.use_cases.movie_reference import parse_identifier, parse_reference

router = APIRouter(prefix="/movies", tags=["movies"], route_class=StrictRoute)
reads = APIRouter(prefix="/movies", tags=["movies"])
"""What is asked for all the time; see `movies_service.middleware.fast_path`."""

_MERGE_PATCH = "application/merge-patch+json"

Writer = Annotated[Caller, Depends(require(Scope.MOVIES_WRITE))]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="The `ETag` that the film must have; else a 412, and nothing changes.",
    ),
]
Reference = Annotated[str, Path(description="An id, an IMDb id, or a title.", examples=["Alien"])]
Identifier = Annotated[
    str,
    Path(
        description="An id or an IMDb id.",
        examples=["7"],
        json_schema_extra={"pattern": "^([0-9]{1,16}|tt[0-9]{7,16})$"},
    ),
]


@reads.get("", summary="List films", response_model=MoviePageOut, responses=examples.LIST_RESPONSES)
async def list_movies(
    request: Request, services: ServicesDependency, query: Annotated[ListParameters, Query()]
) -> Response:
    """Return a page of films. Filters are combined with AND and match whole values.

    Case and accents don't matter: `title=amelie` finds "Amélie".
    """
    page = await services.read(services.movies.list, query.to_query())
    return answer_json(request, page_document(page, query.next_url(page)))


@router.post(
    "",
    summary="Add a film",
    status_code=HTTPStatus.CREATED,
    response_model=MovieOut,
    responses=examples.ADD_RESPONSES,
    dependencies=[Depends(require_json)],
)
async def add_movie(
    services: ServicesDependency,
    caller: Annotated[Caller, Depends(require_for_adding)],
    once: OnceDependency,
    preferences: PreferencesDependency,
    wish: MovieWishIn,
) -> Response:
    """Fetch a film from OMDb and keep it; 200 where it was there already.

    Open to all, unless the operator wants a credential with the scope `movies:write`. With
    `Prefer: respond-async` nobody waits for OMDb: the answer is a 202, and `Location` tells how
    far it is. With `wait=5` the film is answered if it comes within so many seconds.
    """
    if preferences.is_async or services.policy.adding_is_async:
        preferences = replace(preferences, is_async=True)
        return await once.run(
            caller,
            lambda by: _wish(services, wish.to_wish(), by, preferences.wait_seconds),
            lambda done: _answer_wished(done, preferences),
        )
    return await once.run(
        caller, lambda by: services.add_movie.run(wish.to_wish(), by), _answer_added
    )


@router.post(
    "/{reference:path}/refresh",
    summary="Fetch a film again",
    response_model=MovieOut,
    responses=examples.REFRESH_RESPONSES,
)
async def refresh_movie(
    services: ServicesDependency,
    writer: Writer,
    once: OnceDependency,
    reference: Identifier,
) -> Response:
    """Replace all that is known of a film by what OMDb says now. Needs the scope `movies:write`."""
    identifier = parse_identifier(reference)
    return await once.run(
        writer,
        lambda by: services.refresh_movie.run(identifier, by),
        lambda refreshed: _answer_change(refreshed.movie, refreshed.revision),
    )


@router.patch(
    "/{reference:path}",
    summary="Change a film",
    response_model=MovieOut,
    responses=examples.CHANGE_RESPONSES,
    openapi_extra=body_of((_MERGE_PATCH, MoviePatchIn), (JSON, MoviePatchIn)),
)
async def change_movie(
    request: Request,
    services: ServicesDependency,
    writer: Writer,
    reference: Identifier,
    if_match: IfMatch = None,
) -> Response:
    """Change some fields of a film, as a JSON merge patch (RFC 7396). Needs `movies:write`.

    What is absent stays, `null` clears, an empty list empties. With `If-Match` and the `ETag` of
    the film nothing changes if somebody else was faster.
    """
    require_media_type(request, _MERGE_PATCH, JSON)
    patch = validate_body(MoviePatchIn, await request.body())
    changed = await services.write(
        services.movies.change,
        parse_identifier(reference),
        patch.to_changes(),
        writer,
        is_named_by(if_match),
    )
    return _answer_change(changed.movie, changed.revision)


@reads.get(
    "/{reference:path}",
    summary="Get a film",
    response_model=MovieOut,
    responses=examples.GET_RESPONSES,
)
async def get_movie(
    request: Request,
    services: ServicesDependency,
    reference: Reference,
    query: Annotated[GetParameters, Query()],
) -> Response:
    """Return a film by its id, its IMDb id, or its title, which may hold slashes.

    Of several films with one title the most voted one is returned; the others are in the
    `Link` header. A title that looks like an id is reached by `GET /movies?title=1917`.
    """
    found = await services.read(services.movies.get, parse_reference(reference), query.year)
    headers = {"Content-Location": _url_of(found.movie)}
    if found.alternates:
        headers["Link"] = ", ".join(
            f'<{_url_of(other)}>; rel="alternate"' for other in found.alternates
        )
    return answer_json(request, found.movie.document, headers)


@router.delete(
    "/{reference:path}",
    summary="Remove a film",
    status_code=HTTPStatus.NO_CONTENT,
    responses=examples.REMOVE_RESPONSES,
)
async def remove_movie(
    services: ServicesDependency,
    remover: Annotated[Caller, Depends(require(Scope.MOVIES_DELETE))],
    reference: Identifier,
    if_match: IfMatch = None,
) -> Response:
    """Remove a film by its id or its IMDb id. Needs the scope `movies:delete`."""
    revision = await services.write(
        services.movies.remove, parse_identifier(reference), remover, is_named_by(if_match)
    )
    headers = {REVISION_HEADER: str(revision)}
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)


async def _wish(
    services: Services, wish: Wish, by: Caller, wait_seconds: int
) -> AddedMovie | Fetch:
    """Return the film if it is there, or comes in time; else the wish for it."""
    if (known := await services.add_movie.find(wish)) is not None:
        return known
    fetch = await services.fetch_movies.wish_one(wish, by)
    if wait_seconds:
        fetch = await services.fetch_movies.wait(fetch, wait_seconds)
    if fetch.state is not FetchState.FETCHED:
        return fetch
    added = await services.read(services.add_movie.find_fetched, fetch)
    return replace(added, is_new=True)


def _answer_wished(done: AddedMovie | Fetch, preferences: Preferences) -> Response:
    if isinstance(done, Fetch):
        shown = FetchOut.of(done)
        return answer_privately(
            shown, HTTPStatus.ACCEPTED, Location=shown.self_url, **preferences.applied
        )
    answer = _answer_added(done)
    answer.headers.update(preferences.applied)
    return answer


def _answer_added(added: AddedMovie) -> Response:
    status = HTTPStatus.CREATED if added.is_new else HTTPStatus.OK
    return _answer_change(added.movie, added.revision, status, Location=_url_of(added.movie))


def _answer_change(
    movie: StoredMovie, revision: int, status: HTTPStatus = HTTPStatus.OK, **headers: str
) -> Response:
    """Return a film as it is now, and how to read it on every process."""
    return Response(
        movie.document,
        status_code=status,
        media_type="application/json",
        headers={
            "ETag": etag_of(movie.document),
            "Cache-Control": "no-store",
            REVISION_HEADER: str(revision),
            **headers,
        },
    )


def _url_of(movie: StoredMovie) -> str:
    return f"/movies/{movie.id}"
