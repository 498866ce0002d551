"""Health checks for process supervisors and load balancers."""

from fastapi import APIRouter

from movies_service.api.dependencies.use_cases import UseCasesDependency
from movies_service.api.schemas.health import LiveOut, ReadyOut

router = APIRouter(prefix="/health", tags=["operations"])


@router.get("/live", summary="Check liveness")
async def get_live() -> LiveOut:
    """Return 200 as long as the process handles requests, even without its database. Public.

    Restart the process if this check fails.
    """
    return LiveOut(status="live")


@router.get("/ready", summary="Check readiness")
async def get_ready(use_cases: UseCasesDependency) -> ReadyOut:
    """Return 200 if the database answers reads and accepts writes, else 503 with the reason.

    Public. Also 200 while writes wait for another process, such as an import: `writes` is then
    `waiting`. Also 503 if OMDb rejected the API key before any movie was stored. The check responds
    within 3 seconds and runs at most once a second. Do not route requests to the process while it
    fails.
    """
    accepts_writes = await use_cases.readiness.require()
    return ReadyOut(status="ready", writes="accepted" if accepts_writes else "waiting")
