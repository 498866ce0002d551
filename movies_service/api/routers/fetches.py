"""Endpoints of fetch jobs: request movies, follow their progress, retry and cancel."""

import asyncio
from collections.abc import AsyncGenerator
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event

from common.errors import Conflict, MoviesError, NotFound
from data_layer.entities.fetch import Fetch
from data_layer.entities.scope import Scope
from movies_service.accounts.caller import Caller
from movies_service.api.dependencies.authentication import (
    lacks_scope,
    require,
    require_add_permission,
)
from movies_service.api.dependencies.idempotency import IdempotencyDependency
from movies_service.api.dependencies.json_body import StrictRoute, require_json
from movies_service.api.dependencies.prefer import PreferDependency
from movies_service.api.dependencies.use_cases import UseCasesDependency
from movies_service.api.rendering.pagination import older_page_url
from movies_service.api.rendering.private import private_json_response
from movies_service.api.response_docs import Responses, errors
from movies_service.api.schemas.base import NUMBER_PATTERN
from movies_service.api.schemas.fetches import (
    FetchesIn,
    FetchesOut,
    FetchOut,
    FetchParameters,
    RequestedFetchesOut,
)
from movies_service.http_semantics.prefer import PreferHeader
from movies_service.http_semantics.scope_flags import is_head
from movies_service.use_cases.request_fetches import RequestFetches

router = APIRouter(prefix="/fetches", tags=["fetches"], route_class=StrictRoute)

EVENTS_SECONDS = 300
"""Maximum duration of one event stream. EventSource clients reconnect automatically."""

PING_SECONDS = 15
"""Interval of keep-alive comments, so that proxies do not close an idle stream."""

_EVENT_STREAM = "text/event-stream"
_EVENTS: Responses = {
    200: {
        "content": {
            _EVENT_STREAM: {
                "schema": {
                    "type": "object",
                    "required": ["event", "id", "data"],
                    "properties": {
                        "event": {"const": "fetch"},
                        "id": {"type": "string", "description": "Number of the event, from 1."},
                        "data": {"type": "string", "description": "The fetch as JSON."},
                    },
                },
                "example": {"event": "fetch", "id": "1", "data": '{"id": 7, …}'},
            }
        }
    }
}
_NOT_FOUND = NotFound("No fetch has this id.")
_FINISHED = Conflict("This fetch is finished and cannot be cancelled.")

Writer = Annotated[Caller, Depends(require(Scope.MOVIES_WRITE))]
FetchId = Annotated[
    str, Path(pattern=NUMBER_PATTERN, description="Id of the fetch.", examples=["7"])
]


@router.post(
    "",
    summary="Request movies",
    status_code=HTTPStatus.ACCEPTED,
    response_model=RequestedFetchesOut,
    responses=errors(lacks_scope(Scope.MOVIES_WRITE)),
    dependencies=[Depends(require_json)],
)
async def request_fetches(
    use_cases: UseCasesDependency,
    caller: Annotated[Caller, Depends(require_add_permission)],
    idempotency: IdempotencyDependency,
    body: FetchesIn,
) -> Response:
    """Queue a fetch for each of up to 1,000 movies, and return at once.

    The response lists one fetch per accepted movie, in the order of the request; poll or stream
    each one at its `self_url`. For a movie that is already in the catalogue, the fetch is `fetched`
    at once; a movie that is already requested gets its existing fetch.

    Public, unless the operator requires the scope `movies:write` for adding movies. Without that
    scope, each new movie counts towards the rate limit of adding movies: those beyond it are listed
    in `not_accepted` and cost nothing; send them again, with a new `Idempotency-Key`, after
    `retry_after_seconds`. If no movie is accepted, the response is a 429. With the scope, only the
    daily OMDb quota limits the number of fetches.

    A client may have one request of more than 20 movies in progress at a time; another one is a
    429, as it is while two clients have one.
    """
    with use_cases.request_fetches.admitted(len(body.movies), caller):
        return await idempotency.run(
            caller,
            lambda record: use_cases.request_fetches.enqueue(body.to_lookups(), caller, record),
            lambda requested: private_json_response(
                RequestedFetchesOut.of(requested), HTTPStatus.ACCEPTED
            ),
            is_large=True,
        )


@router.get("", summary="List fetches", response_model=FetchesOut)
async def list_fetches(
    use_cases: UseCasesDependency, query: Annotated[FetchParameters, Query()]
) -> Response:
    """Return the unfinished fetches and those finished in the last 30 days, newest first. Public.

    Filter by `state`; follow `next_url` for older fetches.
    """
    fetches = await use_cases.request_fetches.list(query.to_query())
    shown = [FetchOut.of(fetch) for fetch in fetches]
    next_url = older_page_url("/fetches", query.model_dump(exclude_none=True), shown)
    return private_json_response(FetchesOut(fetches=shown, next_url=next_url))


@router.get(
    "/{fetch_id}", summary="Get a fetch", response_model=FetchOut, responses=errors(_NOT_FOUND)
)
async def get_fetch(
    request: Request, use_cases: UseCasesDependency, fetch_id: FetchId, prefer: PreferDependency
) -> Response:
    """Return a fetch and its state. Public.

    With `Prefer: wait=N` the response is delayed until the fetch is finished, at most N seconds
    (long polling); the header `Preference-Applied` confirms it. A client may wait for 10 fetches
    at a time, event streams included; more is a 429.
    """
    fetch = await use_cases.request_fetches.get(int(fetch_id))
    if prefer.wait_seconds:
        address = use_cases.limits.addresses.of(request.scope)
        fetch = await use_cases.request_fetches.wait(fetch, prefer.wait_seconds, address)
    applied = PreferHeader(wait_seconds=prefer.wait_seconds).applied
    return private_json_response(FetchOut.of(fetch), HTTPStatus.OK, **applied)


@router.get(
    "/{fetch_id}/events",
    summary="Stream the events of a fetch",
    response_class=StreamingResponse,
    response_description="An event `fetch` per state; the last one when the fetch is finished.",
    responses={**_EVENTS, **errors(_NOT_FOUND)},
)
async def follow_fetch(
    request: Request, use_cases: UseCasesDependency, fetch_id: FetchId
) -> Response:
    """Stream a fetch as server-sent events: its current state, and again after each change. Public.

    Each event is named `fetch` and carries the fetch as JSON. The stream ends when the fetch is
    finished, after five minutes, or when the service shuts down; an `EventSource` then reconnects.
    A client may have 10 streams open; more is a 429.
    """
    fetch = await use_cases.request_fetches.get(int(fetch_id))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # nginx must not buffer.
    if is_head(request.scope):  # A stream without a body would only keep the client waiting.
        return Response(media_type=_EVENT_STREAM, headers=headers)
    address = use_cases.limits.addresses.of(request.scope)
    use_cases.request_fetches.require_free_follower(address)
    events = _events(use_cases.request_fetches, fetch, address)
    return StreamingResponse(events, media_type=_EVENT_STREAM, headers=headers)


@router.post(
    "/{fetch_id}/retry",
    summary="Retry a fetch",
    response_model=FetchOut,
    responses=errors(_NOT_FOUND, _FINISHED),
)
async def retry_fetch(
    use_cases: UseCasesDependency,
    writer: Writer,
    idempotency: IdempotencyDependency,
    fetch_id: FetchId,
) -> Response:
    """Queue a fetch again that is `not_found`, `failed` or `cancelled`.

    Requires the scope `movies:write`. A fetch in progress is returned unchanged. Returns a 409 if
    the movie was already fetched, or if a newer fetch of the same movie is in progress.
    """
    return await idempotency.run(
        writer,
        lambda record: use_cases.request_fetches.retry(int(fetch_id), writer, record),
        _fetch_response,
    )


@router.post(
    "/{fetch_id}/cancel",
    summary="Cancel a fetch",
    response_model=FetchOut,
    responses=errors(_NOT_FOUND, _FINISHED),
)
async def cancel_fetch(
    use_cases: UseCasesDependency,
    writer: Writer,
    idempotency: IdempotencyDependency,
    fetch_id: FetchId,
) -> Response:
    """Cancel a fetch that is `queued` or `fetching`.

    Requires the scope `movies:write`. The outcome of a request to OMDb in progress is discarded. A
    cancelled fetch is returned unchanged. Returns a 409 if the fetch is finished.
    """
    return await idempotency.run(
        writer,
        lambda record: use_cases.request_fetches.cancel(int(fetch_id), writer, record),
        _fetch_response,
    )


def _fetch_response(fetch: Fetch) -> Response:
    return private_json_response(FetchOut.of(fetch))


async def _events(use_case: RequestFetches, fetch: Fetch, address: str) -> AsyncGenerator[bytes]:
    """Yield an event for each state of the fetch, and keep-alive comments in between."""
    changes = use_case.follow(fetch, address)
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + EVENTS_SECONDS
    number = 0
    next_change = asyncio.ensure_future(_next(changes))
    try:
        while (seconds_left := ends_at - loop.time()) > 0:
            await asyncio.wait([next_change], timeout=min(PING_SECONDS, seconds_left))
            if not next_change.done():
                yield KEEPALIVE_COMMENT
                continue
            if (changed := next_change.result()) is None:
                return
            number += 1
            shown = FetchOut.of(changed).model_dump_json()
            yield format_sse_event(data_str=shown, event="fetch", id=str(number))
            next_change = asyncio.ensure_future(_next(changes))
    except MoviesError:  # The status is sent already; the next request gets the error.
        return
    finally:
        next_change.cancel()
        await asyncio.gather(next_change, return_exceptions=True)
        await changes.aclose()


async def _next(changes: AsyncGenerator[Fetch]) -> Fetch | None:
    return await anext(changes, None)
