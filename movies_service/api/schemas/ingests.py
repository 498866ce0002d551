"""What was taken in from a bucket or folder."""

import dataclasses
import datetime as dt
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from data_layer.entities.ingest import (
    Ingest,
    IngestFault,
    IngestQuery,
    IngestSource,
    IngestState,
)

LIMIT_MAX = 100


class IngestParameters(BaseModel):
    """Which objects are wanted; each condition that is given has to hold."""

    model_config = ConfigDict(extra="forbid")

    state: IngestState | None = None
    before: Annotated[int, Field(ge=1, le=2**53)] | None = Field(
        default=None, description="Objects taken in before the one with this id."
    )
    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX)] = 50

    def to_query(self) -> IngestQuery:
        """Return the query in the words of the data layer."""
        return IngestQuery(**self.model_dump())


class IngestUpdatesOut(BaseModel):
    """What the updates of an object have done, in numbers."""

    added: int
    changed: int
    removed: int
    unchanged: int = Field(description="They said what was known already.")
    late: int = Field(description="What is known is newer.")
    refused: int = Field(description="They are wrong; `/ingests/{id}/errors` says how.")


class IngestOut(BaseModel):
    """One version of an object, taken in. Times are in UTC."""

    id: int
    state: IngestState
    source: str
    key: str
    etag: str
    size_bytes: int
    modified_at: dt.datetime = Field(description="When the object was written.")
    ingested_at: dt.datetime
    updates: IngestUpdatesOut
    self_url: str

    @classmethod
    def of(cls, ingest: Ingest) -> Self:
        """Return what is shown of an object."""
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
    """The bucket or folder, and when it was looked at. Times are in UTC."""

    name: str
    wanted_at: dt.datetime | None = Field(description="When somebody last asked for a look.")
    looked_at: dt.datetime | None = Field(description="When a look last ended.")
    problem: str | None = Field(description="Why the last look was not possible.")

    @classmethod
    def of(cls, source: IngestSource) -> Self:
        """Return what is shown of a source."""
        return cls.model_validate(source, from_attributes=True)


class IngestsOut(BaseModel):
    """The source, and what came from it, newest first."""

    source: IngestSourceOut | None = Field(description="`null` where nothing is ingested.")
    ingests: list[IngestOut]
    next_url: str | None = Field(description="Older objects; `null` where there are none.")


class IngestFaultOut(BaseModel):
    """Why something of an object was refused."""

    line: int | None = Field(
        description="From 1; of an array the place of the item; `null` for all of the object."
    )
    field: str = Field(description="Empty where it is more than one.")
    message: str


class IngestFaultsOut(BaseModel):
    """The first thousand faults of an object, in the order of its lines."""

    errors: list[IngestFaultOut]

    @classmethod
    def of(cls, faults: tuple[IngestFault, ...]) -> Self:
        """Return what is shown of faults."""
        return cls(errors=[IngestFaultOut(**dataclasses.asdict(fault)) for fault in faults])
