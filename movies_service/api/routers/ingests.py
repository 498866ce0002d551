"""What was taken in from a bucket or folder."""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Query, Response

from data_layer.entities.scope import Scope
from movies_service.accounts.caller import Caller
from movies_service.api.dependencies.authentication import require
from movies_service.api.dependencies.idempotency import OnceDependency
from movies_service.api.dependencies.use_cases import ServicesDependency
from movies_service.api.rendering.private import answer_privately
from movies_service.api.schemas import ingest_examples as examples
from movies_service.api.schemas.ingests import (
    IngestFaultsOut,
    IngestOut,
    IngestParameters,
    IngestSourceOut,
    IngestsOut,
)

router = APIRouter(prefix="/ingests", tags=["ingests"])

Writer = Annotated[Caller, Depends(require(Scope.MOVIES_WRITE))]
IngestId = Annotated[
    str, Path(pattern=r"^[1-9][0-9]{0,15}$", description="The id of an object.", examples=["7"])
]
_OPERATORS = [Depends(require(Scope.OPS_READ))]


@router.get(
    "",
    summary="List ingested objects",
    response_model=IngestsOut,
    responses=examples.LIST_RESPONSES,
    dependencies=_OPERATORS,
)
async def list_ingests(
    services: ServicesDependency, query: Annotated[IngestParameters, Query()]
) -> Response:
    """Return the source, and the objects of the last 30 days, newest first. Needs `ops:read`."""
    view = await services.write(services.ingests.look)
    ingests = await services.read(services.ingests.list, query.to_query())
    next_url = None
    if len(ingests) == query.limit:
        given = query.model_dump(exclude_none=True) | {"before": ingests[-1].id}
        next_url = f"/ingests?{urlencode(given)}"
    source = None if view.source is None else IngestSourceOut.of(view.source)
    shown = [IngestOut.of(ingest) for ingest in ingests]
    return answer_privately(IngestsOut(source=source, ingests=shown, next_url=next_url))


@router.post(
    "",
    summary="Look for objects now",
    status_code=HTTPStatus.ACCEPTED,
    response_model=IngestSourceOut,
    responses=examples.ASK_RESPONSES,
)
async def ask_for_ingest(
    services: ServicesDependency, writer: Writer, once: OnceDependency
) -> Response:
    """Have workers look at the source within a second. Needs the scope `movies:write`."""
    return await once.run(
        writer,
        lambda by: services.write(services.ingests.ask, by),
        lambda source: answer_privately(IngestSourceOut.of(source), HTTPStatus.ACCEPTED),
    )


@router.get(
    "/{ingest_id}",
    summary="Get an ingested object",
    response_model=IngestOut,
    responses=examples.GET_RESPONSES,
    dependencies=_OPERATORS,
)
async def get_ingest(services: ServicesDependency, ingest_id: IngestId) -> Response:
    """Return what became of an object. Needs the scope `ops:read`."""
    ingest = await services.read(services.ingests.get, int(ingest_id))
    return answer_privately(IngestOut.of(ingest))


@router.get(
    "/{ingest_id}/errors",
    summary="Get the errors of an ingested object",
    response_model=IngestFaultsOut,
    responses=examples.FAULTS_RESPONSES,
    dependencies=_OPERATORS,
)
async def get_ingest_errors(services: ServicesDependency, ingest_id: IngestId) -> Response:
    """Return which updates of an object were refused, and why. Needs the scope `ops:read`."""
    faults = await services.read(services.ingests.faults, int(ingest_id))
    return answer_privately(IngestFaultsOut.of(faults))
