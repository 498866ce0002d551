"""Endpoint of the upstream status: OMDb quota, circuit breaker and fetch counts."""

from fastapi import APIRouter, Depends, Response

from data_layer.entities.scope import Scope
from movies_service.api.dependencies.authentication import require
from movies_service.api.dependencies.use_cases import UseCasesDependency
from movies_service.api.rendering.private import private_json_response
from movies_service.api.schemas.upstream import CircuitBreakerOut, QuotaOut, UpstreamOut

router = APIRouter(prefix="/upstream", tags=["operations"])


@router.get(
    "",
    summary="Get the upstream status",
    response_model=UpstreamOut,
    dependencies=[Depends(require(Scope.OPS_READ))],
)
async def get_upstream(use_cases: UseCasesDependency) -> Response:
    """Return the OMDb quota of the day, the circuit breaker, and the fetches by state.

    Requires the scope `ops:read`. Quota and circuit breaker are shared by all processes.
    """
    # Counting fetches may take long: `write` runs it in a thread on every database.
    status = await use_cases.write(use_cases.upstream_status.run)
    shown = UpstreamOut(
        quota=QuotaOut(
            day=status.day,
            daily_limit=status.daily_limit,
            used=status.quota_used,
            remaining=status.quota_remaining,
            interactive_reserve=status.interactive_reserve,
        ),
        circuit_breaker=CircuitBreakerOut(
            state=status.circuit_state,
            failures=status.failures,
            open_until=status.circuit_open_until,
            last_error=status.last_error,
        ),
        rate_limit=use_cases.policy.omdb_rate_limit,
        attempts=dict(use_cases.metrics.counts().upstream_attempts),
        fetches=dict(status.fetches),
    )
    return private_json_response(shown)
