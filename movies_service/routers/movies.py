"""The films."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from data_layer.entities.api_key import Scope
from data_layer.entities.movie import StoredMovie
from movies_service.conditional import answer_json, etag_of
from movies_service.revision_header import REVISION_HEADER
from movies_service.routers import movie_examples as examples
from movies_service.routers.bodies import require_json
from movies_service.routers.list_parameters import GetParameters, ListParameters
from movies_service.routers.page_document import page_document
from movies_service.schemas.movies import MovieOut, MoviePageOut, MovieWishIn
from movies_service.security import require, require_for_adding
from movies_service.services import ServicesDependency
from movies_service.use_cases.movie_reference import parse_identifier, parse_reference

router = APIRouter(prefix="/movies", tags=["movies"])
reads = APIRouter(prefix="/movies", tags=["movies"])
"""What is asked for all the time; see `movies_service.edge.direct_reads`."""

Reference = Annotated[str, Path(description="An id, an IMDb id, or a title.", examples=["Alien"])]


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
    dependencies=[Depends(require_for_adding), Depends(require_json)],
)
async def add_movie(services: ServicesDependency, wish: MovieWishIn) -> Response:
    """Fetch a film from OMDb and keep it; 200 where it was there already.

    Open to all, unless the operator wants a key with the scope `movies:write`.
    """
    added = await services.add_movie.run(wish.to_wish())
    return Response(
        added.movie.document,
        status_code=HTTPStatus.CREATED if added.is_new else HTTPStatus.OK,
        media_type="application/json",
        headers={
            "Location": _url_of(added.movie),
            "ETag": etag_of(added.movie.document),
            "Cache-Control": "no-store",
            REVISION_HEADER: str(added.revision),
        },
    )


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
    dependencies=[Depends(require(Scope.MOVIES_DELETE))],
)
async def remove_movie(services: ServicesDependency, reference: Reference) -> Response:
    """Remove a film by its id or its IMDb id. Needs a key with the scope `movies:delete`."""
    revision = await services.write(services.movies.remove, parse_identifier(reference))
    headers = {REVISION_HEADER: str(revision)}
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)


def _url_of(movie: StoredMovie) -> str:
    return f"/movies/{movie.id}"
