"""Wishes for films that somebody else fetches."""

import asyncio
from collections.abc import AsyncGenerator
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event

from common.errors import MoviesError
from data_layer.entities.fetch import Fetch
from data_layer.entities.scope import Scope
from movies_service.accounts.caller import Caller
from movies_service.api.dependencies.authentication import require, require_for_adding
from movies_service.api.dependencies.idempotency import OnceDependency
from movies_service.api.dependencies.json_body import StrictRoute, require_json
from movies_service.api.dependencies.prefer import Preferences, PreferencesDependency
from movies_service.api.dependencies.use_cases import ServicesDependency
from movies_service.api.rendering.private import answer_privately
from movies_service.api.schemas import fetch_examples as examples
from movies_service.api.schemas.fetches import (
    FetchesIn,
    FetchesOut,
    FetchOut,
    FetchParameters,
    WishedOut,
)
from movies_service.http_semantics.scope_flags import is_head
from movies_service.use_cases.request_fetches import FetchMovies

router = APIRouter(prefix="/fetches", tags=["fetches"], route_class=StrictRoute)

EVENTS_SECONDS = 300
"""How long one stream of events lasts; clients then ask again by themselves."""

PING_SECONDS = 15
"""How often something is sent, so that nobody in between takes the connection for dead."""

_EVENT_STREAM = "text/event-stream"

Writer = Annotated[Caller, Depends(require(Scope.MOVIES_WRITE))]
FetchId = Annotated[
    str, Path(pattern=r"^[1-9][0-9]{0,15}$", description="The id of a fetch.", examples=["7"])
]


@router.post(
    "",
    summary="Wish for films",
    status_code=HTTPStatus.ACCEPTED,
    response_model=WishedOut,
    responses=examples.WISH_RESPONSES,
    dependencies=[Depends(require_json)],
)
async def wish_for_movies(
    services: ServicesDependency,
    caller: Annotated[Caller, Depends(require_for_adding)],
    once: OnceDependency,
    wanted: FetchesIn,
) -> Response:
    """Have up to 1,000 films fetched, and return at once; see each one under its `self_url`.

    What is in the catalogue, or wished for already, joins. Open to all within the limit of adding
    films; with the scope `movies:write` only the day's quota of OMDb is the limit.
    """
    return await once.run(
        caller,
        lambda by: services.fetch_movies.wish(wanted.to_wishes(), by),
        lambda fetches: answer_privately(
            WishedOut(fetches=[FetchOut.of(each) for each in fetches]), HTTPStatus.ACCEPTED
        ),
    )


@router.get(
    "", summary="List fetches", response_model=FetchesOut, responses=examples.LIST_RESPONSES
)
async def list_fetches(
    services: ServicesDependency, query: Annotated[FetchParameters, Query()]
) -> Response:
    """Return wishes of the last 30 days, newest first."""
    fetches = await services.fetch_movies.list(query.to_query())
    next_url = None
    if len(fetches) == query.limit:
        given = query.model_dump(exclude_none=True) | {"before": fetches[-1].id}
        next_url = f"/fetches?{urlencode(given)}"
    shown = [FetchOut.of(fetch) for fetch in fetches]
    return answer_privately(FetchesOut(fetches=shown, next_url=next_url))


@router.get(
    "/{fetch_id}", summary="Get a fetch", response_model=FetchOut, responses=examples.GET_RESPONSES
)
async def get_fetch(
    services: ServicesDependency, fetch_id: FetchId, preferences: PreferencesDependency
) -> Response:
    """Return a wish; with `Prefer: wait=10` when it is done, or after so many seconds."""
    fetch = await services.fetch_movies.get(int(fetch_id))
    if preferences.wait_seconds:
        fetch = await services.fetch_movies.wait(fetch, preferences.wait_seconds)
    applied = Preferences(wait_seconds=preferences.wait_seconds).applied
    return answer_privately(FetchOut.of(fetch), HTTPStatus.OK, **applied)


@router.get(
    "/{fetch_id}/events",
    summary="Follow a fetch",
    response_class=StreamingResponse,
    responses=examples.EVENTS_RESPONSES,
)
async def follow_fetch(
    request: Request, services: ServicesDependency, fetch_id: FetchId
) -> Response:
    """Return server-sent events: the wish as it is, and again with each change, until it is done.

    A stream ends after five minutes at the latest; browsers then open another one.
    """
    fetch = await services.fetch_movies.get(int(fetch_id))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # Of proxies.
    if is_head(request.scope):  # Nobody waits for a body that is not sent.
        return Response(media_type=_EVENT_STREAM, headers=headers)
    events = _events(services.fetch_movies, fetch)
    return StreamingResponse(events, media_type=_EVENT_STREAM, headers=headers)


@router.post(
    "/{fetch_id}/retry",
    summary="Try a fetch again",
    response_model=FetchOut,
    responses=examples.CHANGE_RESPONSES,
)
async def retry_fetch(
    services: ServicesDependency, writer: Writer, once: OnceDependency, fetch_id: FetchId
) -> Response:
    """Have a wish tried again that came to nothing. Needs the scope `movies:write`."""
    return await once.run(
        writer, lambda by: services.fetch_movies.retry(int(fetch_id), by), _answer_fetch
    )


@router.post(
    "/{fetch_id}/cancel",
    summary="Cancel a fetch",
    response_model=FetchOut,
    responses=examples.CHANGE_RESPONSES,
)
async def cancel_fetch(
    services: ServicesDependency, writer: Writer, once: OnceDependency, fetch_id: FetchId
) -> Response:
    """Take a wish back that is not done. Needs the scope `movies:write`."""
    return await once.run(
        writer, lambda by: services.fetch_movies.cancel(int(fetch_id), by), _answer_fetch
    )


def _answer_fetch(fetch: Fetch) -> Response:
    return answer_privately(FetchOut.of(fetch))


async def _events(wishes: FetchMovies, fetch: Fetch) -> AsyncGenerator[bytes]:
    """Give an event for each change, and something to live on in between."""
    changes = wishes.follow(fetch)
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + EVENTS_SECONDS
    number = 0
    following = asyncio.ensure_future(_next(changes))
    try:
        while (seconds_left := ends_at - loop.time()) > 0:
            await asyncio.wait([following], timeout=min(PING_SECONDS, seconds_left))
            if not following.done():
                yield KEEPALIVE_COMMENT
                continue
            if (changed := following.result()) is None:
                return
            number += 1
            shown = FetchOut.of(changed).model_dump_json()
            yield format_sse_event(data_str=shown, event="fetch", id=str(number))
            following = asyncio.ensure_future(_next(changes))
    except MoviesError:  # The stream ends; who asks again is told why.
        return
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await changes.aclose()


async def _next(changes: AsyncGenerator[Fetch]) -> Fetch | None:
    return await anext(changes, None)
