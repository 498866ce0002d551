"""Endpoint of the audit log."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from data_layer.entities.scope import Scope
from movies_service.api.dependencies.authentication import require
from movies_service.api.dependencies.use_cases import UseCasesDependency
from movies_service.api.rendering.pagination import older_page_url
from movies_service.api.rendering.private import private_json_response
from movies_service.api.schemas.audit import AuditEntryOut, AuditOut, AuditParameters

router = APIRouter(prefix="/audit", tags=["operations"])


@router.get(
    "",
    summary="List audit entries",
    response_model=AuditOut,
    dependencies=[Depends(require(Scope.OPS_READ))],
)
async def list_audit(
    use_cases: UseCasesDependency, query: Annotated[AuditParameters, Query()]
) -> Response:
    """Return the audit log, newest entry first: each write with its caller, address and request.

    Requires the scope `ops:read`. Filters are combined with AND and match whole values; follow
    `next_url` for older entries.
    """
    entries = await use_cases.long_read(use_cases.audit.list, query.to_query())
    shown = [AuditEntryOut.of(entry) for entry in entries]
    next_url = older_page_url("/audit", query.model_dump(exclude_none=True), shown)
    return private_json_response(AuditOut(entries=shown, next_url=next_url))
