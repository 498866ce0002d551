"""How the service is, for those who keep it running."""

from fastapi import APIRouter

from common.errors import DatabaseUnavailable
from movies_service.api.dependencies.use_cases import ServicesDependency
from movies_service.api.response_docs import DATABASE_UNAVAILABLE, example
from movies_service.api.schemas.health import LiveOut, ReadyOut

router = APIRouter(prefix="/health", tags=["operations"])


@router.get("/live", summary="Ask whether the process lives", responses=example({"status": "live"}))
async def get_live() -> LiveOut:
    """Answer, whatever else is wrong: when this fails, restart the process."""
    return LiveOut(status="live")


@router.get(
    "/ready",
    summary="Ask whether requests can be served",
    responses={**example({"status": "ready"}), **DATABASE_UNAVAILABLE},
)
async def get_ready(services: ServicesDependency) -> ReadyOut:
    """Answer 200 when the database answers with the right schema, else 503 with the reason."""
    if not await services.write(services.is_ready):
        raise DatabaseUnavailable("The schema is not the newest: run the migrations.")
    return ReadyOut(status="ready")
