"""Health checks for process supervisors and load balancers."""

from fastapi import APIRouter

from common.errors import DatabaseUnavailable
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
    """Return 200 if the database responds and has the current schema, else 503 with the reason.

    Public. Do not route requests to the process while this check fails.
    """
    if not await use_cases.write(use_cases.is_ready):
        raise DatabaseUnavailable(
            "The database schema is outdated; run `python -m movies_service migrate`."
        )
    return ReadyOut(status="ready")
