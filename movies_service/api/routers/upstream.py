"""How OMDb is, for those who operate the service."""

from fastapi import APIRouter, Depends, Response

from data_layer.entities.scope import Scope
from movies_service.api.dependencies.authentication import require
from movies_service.api.dependencies.use_cases import ServicesDependency
from movies_service.api.rendering.private import answer_privately
from movies_service.api.response_docs import Responses, example, refused
from movies_service.api.schemas.upstream import BreakerOut, QuotaOut, UpstreamOut

router = APIRouter(prefix="/upstream", tags=["operations"])

RESPONSES: Responses = {
    **example(
        {
            "quota": {
                "day": "2026-11-21",
                "daily_limit": 1000,
                "spent": 110,
                "left": 890,
                "reserve": 100,
            },
            "breaker": {"state": "closed", "failures": 0, "until": None, "reason": None},
            "pace": "off",
            "attempts": {"fetched": 100, "not-found": 2},
            "fetches": {"queued": 3, "fetched": 12},
        }
    ),
    **refused(Scope.OPS_READ),
}


@router.get(
    "",
    summary="See how OMDb is",
    response_model=UpstreamOut,
    responses=RESPONSES,
    dependencies=[Depends(require(Scope.OPS_READ))],
)
async def get_upstream(services: ServicesDependency) -> Response:
    """Return the quota of the day, whether OMDb serves, and the wishes. Needs `ops:read`."""
    # It counts wishes, which may be many: in a thread on every database.
    view = await services.write(services.upstream.look)
    shown = UpstreamOut(
        quota=QuotaOut(
            day=view.day,
            daily_limit=view.daily_limit,
            spent=view.spent,
            left=view.left,
            reserve=view.reserve,
        ),
        breaker=BreakerOut(
            state=view.breaker,
            failures=view.failures,
            until=view.closed_until,
            reason=view.reason,
        ),
        pace=services.policy.omdb_pace,
        attempts=dict(services.metrics.counts().upstream_attempts),
        fetches=dict(view.fetches),
    )
    return answer_privately(shown)
