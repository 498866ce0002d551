"""Schemas of ingestion: objects, their errors and the source."""

import dataclasses
import datetime as dt
from typing import Self

from pydantic import BaseModel, Field
from pydantic.config import JsonDict

from data_layer.entities.ingest import (
    Ingest,
    IngestError,
    IngestQuery,
    IngestSource,
    IngestState,
)
from movies_service.api.schemas.base import NextUrl, PageParameters, examples

_INGEST: JsonDict = {
    "id": 7,
    "state": "partial",
    "source": "s3://partner-drop/movies",
    "key": "2026-11-21.ndjson.gz",
    "etag": '"etag-of-this-version"',
    "size_bytes": 48213,
    "modified_at": "2026-11-21T12:00:00Z",
    "ingested_at": "2026-11-21T12:00:31Z",
    "updates": {
        "added": 12,
        "changed": 85,
        "removed": 1,
        "unchanged": 301,
        "stale": 0,
        "rejected": 1,
    },
    "self_url": "/ingests/7",
}
_SOURCE: JsonDict = {
    "name": "s3://partner-drop/movies",
    "scan_requested_at": "2026-11-21T12:00:40Z",
    "scanned_at": "2026-11-21T12:00:31Z",
    "last_error": None,
}
_ERROR: JsonDict = {"line": 17, "field": "year", "message": "Input should be a valid integer."}


class IngestParameters(PageParameters):
    """Filter and page of the ingested objects."""

    state: IngestState | None = Field(default=None, description="Only objects in this state.")

    def to_query(self) -> IngestQuery:
        """Return the query of the data layer."""
        return IngestQuery(**self.model_dump())


class IngestUpdatesOut(BaseModel):
    """Number of updates of an object, by effect."""

    added: int = Field(description="Updates that added a movie.")
    changed: int = Field(description="Updates that changed a movie.")
    removed: int = Field(description="Updates that removed a movie.")
    unchanged: int = Field(description="Updates that matched the stored movie.")
    stale: int = Field(description="Updates older than the last applied update of their movie.")
    rejected: int = Field(description="Invalid updates; see `/ingests/{id}/errors`.")


class IngestOut(BaseModel):
    """Ingested version of one object. Times are in UTC."""

    model_config = examples(_INGEST)

    id: int
    state: IngestState = Field(
        description=(
            "`applied`: all updates are valid; `partial`: some updates were rejected; `rejected`:"
            " no update could be used."
        )
    )
    source: str = Field(description="URL of the bucket or folder.")
    key: str = Field(description="Name of the object in the source.")
    etag: str = Field(description="ETag of this version in the source.")
    size_bytes: int
    modified_at: dt.datetime = Field(description="Time at which the object was written.")
    ingested_at: dt.datetime
    updates: IngestUpdatesOut
    self_url: str

    @classmethod
    def of(cls, ingest: Ingest) -> Self:
        """Return the representation of an ingested object."""
        updates = IngestUpdatesOut.model_validate(ingest, from_attributes=True)
        return cls(
            id=ingest.known_id,
            state=ingest.state,
            source=ingest.source,
            key=ingest.object_key,
            etag=ingest.etag,
            size_bytes=ingest.size_bytes,
            modified_at=ingest.modified_at,
            ingested_at=ingest.ingested_at,
            updates=updates,
            self_url=f"/ingests/{ingest.id}",
        )


class IngestSourceOut(BaseModel):
    """Bucket or folder that is ingested, with its last scan. Times are in UTC."""

    model_config = examples(_SOURCE)

    name: str = Field(description="URL of the bucket or folder.")
    scan_requested_at: dt.datetime | None = Field(
        description="Time of the last scan request; `null`: none was made."
    )
    scanned_at: dt.datetime | None = Field(
        description="End of the last scan; `null` before the first one."
    )
    last_error: str | None = Field(
        description="Why the last scan failed or left objects; `null` otherwise."
    )

    @classmethod
    def of(cls, source: IngestSource) -> Self:
        """Return the representation of a source."""
        return cls.model_validate(source, from_attributes=True)


class IngestsOut(BaseModel):
    """Ingest source, and a page of its objects, newest first."""

    model_config = examples({"source": _SOURCE, "ingests": [_INGEST], "next_url": None})

    source: IngestSourceOut | None = Field(description="`null` if ingestion is disabled.")
    ingests: list[IngestOut]
    next_url: NextUrl


class IngestErrorOut(BaseModel):
    """Reason for which an update, or a whole object, was rejected."""

    line: int | None = Field(
        description=(
            "Line of the object, from 1, or position in a JSON array; `null`: the whole object."
        )
    )
    field: str = Field(
        description="Name of the invalid field; empty if several fields are involved."
    )
    message: str


class IngestErrorsOut(BaseModel):
    """Errors of an object in the order of its lines, at most 1,000."""

    model_config = examples({"errors": [_ERROR]})

    errors: list[IngestErrorOut]

    @classmethod
    def of(cls, errors: tuple[IngestError, ...]) -> Self:
        """Return the representation of errors."""
        return cls(errors=[IngestErrorOut(**dataclasses.asdict(error)) for error in errors])
