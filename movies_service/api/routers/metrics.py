"""Endpoint of the Prometheus metrics."""

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from movies_service.api.dependencies.use_cases import UseCasesDependency
from movies_service.api.response_docs import Responses
from movies_service.telemetry.collector import CONTENT_TYPE

router = APIRouter(tags=["operations"])

_EXAMPLE: Responses = {
    200: {"content": {"text/plain": {"example": "movies_catalogue_size 100.0\n"}}}
}


@router.get(
    "/metrics",
    summary="Get the metrics",
    response_class=PlainTextResponse,
    response_description="Metrics in the Prometheus text exposition format.",
    responses=_EXAMPLE,
)
async def get_metrics(use_cases: UseCasesDependency) -> Response:
    """Return the metrics for Prometheus. Public.

    They cover requests and their duration, the response cache, OMDb attempts and quota, fetch jobs,
    ingestion and the size of the catalogue.
    """
    # Counting fetches may take long: `write` runs it in a thread on every database.
    body = await use_cases.write(use_cases.metrics.render)
    return Response(body, headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})
