"""Endpoints of ingestion: objects from a bucket or folder, their errors, and scan requests."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from common.errors import Conflict, NotFound
from data_layer.entities.scope import Scope
from movies_service.accounts.caller import Caller
from movies_service.api.dependencies.authentication import require
from movies_service.api.dependencies.idempotency import IdempotencyDependency
from movies_service.api.dependencies.use_cases import UseCasesDependency
from movies_service.api.rendering.pagination import older_page_url
from movies_service.api.rendering.private import private_json_response
from movies_service.api.response_docs import errors
from movies_service.api.schemas.base import NUMBER_PATTERN
from movies_service.api.schemas.ingests import (
    IngestErrorsOut,
    IngestOut,
    IngestParameters,
    IngestSourceOut,
    IngestsOut,
)

router = APIRouter(prefix="/ingests", tags=["ingests"])

Writer = Annotated[Caller, Depends(require(Scope.MOVIES_WRITE))]
IngestId = Annotated[
    str,
    Path(pattern=NUMBER_PATTERN, description="Id of the ingested object.", examples=["7"]),
]
_NOT_FOUND = NotFound("No ingest has this id.")
_OPERATORS = [Depends(require(Scope.OPS_READ))]


@router.get(
    "",
    summary="List ingested objects",
    response_model=IngestsOut,
    dependencies=_OPERATORS,
)
async def list_ingests(
    use_cases: UseCasesDependency, query: Annotated[IngestParameters, Query()]
) -> Response:
    """Return the ingest source and the objects ingested in the last 30 days, newest first.

    Requires the scope `ops:read`. Filter by `state`; follow `next_url` for older objects.
    """
    status = await use_cases.write(use_cases.ingest_history.get_status)
    ingests = await use_cases.read(use_cases.ingest_history.list, query.to_query())
    source = None if status.source is None else IngestSourceOut.of(status.source)
    shown = [IngestOut.of(ingest) for ingest in ingests]
    next_url = older_page_url("/ingests", query.model_dump(exclude_none=True), shown)
    return private_json_response(IngestsOut(source=source, ingests=shown, next_url=next_url))


@router.post(
    "",
    summary="Request a scan",
    status_code=HTTPStatus.ACCEPTED,
    response_model=IngestSourceOut,
    responses=errors(Conflict("Ingestion is disabled: set MOVIES_INGEST_SOURCE.")),
)
async def request_scan(
    use_cases: UseCasesDependency, writer: Writer, idempotency: IdempotencyDependency
) -> Response:
    """Request a scan of the ingest source; a worker starts it within a second.

    Requires the scope `movies:write`. The scan is finished when `scanned_at` in `GET /ingests` is
    later than the returned `scan_requested_at`. Returns a 409 if ingestion is disabled.
    """
    return await idempotency.run(
        writer,
        lambda record: use_cases.write(use_cases.ingest_history.request_scan, writer, record),
        lambda source: private_json_response(IngestSourceOut.of(source), HTTPStatus.ACCEPTED),
    )


@router.get(
    "/{ingest_id}",
    summary="Get an ingested object",
    response_model=IngestOut,
    responses=errors(_NOT_FOUND),
    dependencies=_OPERATORS,
)
async def get_ingest(use_cases: UseCasesDependency, ingest_id: IngestId) -> Response:
    """Return the result of one ingested object. Requires the scope `ops:read`."""
    ingest = await use_cases.read(use_cases.ingest_history.get, int(ingest_id))
    return private_json_response(IngestOut.of(ingest))


@router.get(
    "/{ingest_id}/errors",
    summary="List the errors of an ingested object",
    response_model=IngestErrorsOut,
    responses=errors(_NOT_FOUND),
    dependencies=_OPERATORS,
)
async def get_ingest_errors(use_cases: UseCasesDependency, ingest_id: IngestId) -> Response:
    """Return the rejected updates of an object with the reasons, at most 1,000, by line.

    Requires the scope `ops:read`.
    """

    def list_errors() -> Response:
        errors = use_cases.ingest_history.list_errors(int(ingest_id))
        return private_json_response(IngestErrorsOut.of(errors))

    return await use_cases.long_read(list_errors)
