"""What the service counts, for those who watch it."""

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from movies_service.api.dependencies.use_cases import ServicesDependency
from movies_service.api.response_docs import DATABASE_UNAVAILABLE, Responses
from movies_service.telemetry.collector import CONTENT_TYPE

router = APIRouter(tags=["operations"])

_EXAMPLE: Responses = {
    200: {
        "content": {"text/plain": {"example": "movies_catalogue_movies 100.0\n"}},
        "description": "The exposition format of Prometheus.",
    }
}


@router.get(
    "/metrics",
    summary="See what the service counts",
    response_class=PlainTextResponse,
    responses={**_EXAMPLE, **DATABASE_UNAVAILABLE},
)
async def get_metrics(services: ServicesDependency) -> Response:
    """Return requests, their times, the cache, the calls of OMDb and the size of the catalogue."""
    # It counts wishes, which may be many: in a thread on every database.
    body = await services.write(services.metrics.render)
    return Response(body, headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})
