"""The record of who did what."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Response

from data_layer.entities.scope import Scope
from movies_service.api.dependencies.authentication import require
from movies_service.api.dependencies.use_cases import ServicesDependency
from movies_service.api.rendering.private import answer_privately
from movies_service.api.response_docs import INVALID, Responses, example, refused
from movies_service.api.schemas.audit import AuditEntryOut, AuditOut, AuditParameters

router = APIRouter(prefix="/audit", tags=["operations"])

_ENTRY = {
    "id": 12,
    "at": "2026-11-21T12:00:00Z",
    "action": "movie.changed",
    "subject": "/movies/7",
    "caller": "user:alice",
    "address": "192.0.2.1",
    "request_id": "9f2c1d7a5b3e4f60",
    "fields": ["plot"],
}

RESPONSES: Responses = {
    **example({"entries": [_ENTRY], "next_url": None}),
    **refused(Scope.OPS_READ),
    **INVALID,
}


@router.get(
    "",
    summary="See who did what",
    response_model=AuditOut,
    responses=RESPONSES,
    dependencies=[Depends(require(Scope.OPS_READ))],
)
async def list_audit(
    services: ServicesDependency, query: Annotated[AuditParameters, Query()]
) -> Response:
    """Return what was created, changed and removed, newest first. Needs the scope `ops:read`."""
    entries = await services.read(services.audit.list, query.to_query())
    next_url = None
    if len(entries) == query.limit:
        given = query.model_dump(exclude_none=True) | {"before": entries[-1].id}
        next_url = f"/audit?{urlencode(given)}"
    shown = [AuditEntryOut.of(entry) for entry in entries]
    return answer_privately(AuditOut(entries=shown, next_url=next_url))
