"""Schemas of the audit log."""

import dataclasses
import datetime as dt
from typing import Annotated, Self

from pydantic import BaseModel, Field
from pydantic.config import JsonDict

from data_layer.entities.audit_entry import AuditEntry, AuditQuery
from movies_service.api.schemas.base import NextUrl, PageParameters, StorableText, examples

_ENTRY: JsonDict = {
    "id": 12,
    "at": "2026-11-21T12:00:00Z",
    "action": "movie.changed",
    "subject": "/movies/7",
    "caller": "user:alice",
    "address": "192.0.2.1",
    "request_id": "9f2c1d7a5b3e4f60",
    "fields": ["plot"],
}

_Text = Annotated[StorableText, Field(max_length=300)]


class AuditParameters(PageParameters):
    """Filters and page of the audit log; filters are combined with AND."""

    caller: _Text | None = Field(default=None, description="Caller, such as `user:alice`.")
    action: _Text | None = Field(default=None, description="Action, such as `movie.removed`.")
    subject: _Text | None = Field(
        default=None, description="Path of the changed resource, such as `/movies/7`."
    )

    def to_query(self) -> AuditQuery:
        """Return the query of the data layer."""
        return AuditQuery(**self.model_dump())


class AuditEntryOut(BaseModel):
    """One write: a resource was created, changed or removed. The time is in UTC."""

    model_config = examples(_ENTRY)

    id: int
    at: dt.datetime
    action: str = Field(description="Stable name of the action, such as `movie.changed`.")
    subject: str = Field(description="Path of the resource, such as `/movies/7`.")
    caller: str = Field(
        description=(
            "`key:` and an id, `user:` and a name, `command line`, `anonymous`, `seeding` or"
            " `ingestion`."
        )
    )
    address: str = Field(description="Client address; empty without a client.")
    request_id: str = Field(description="`X-Request-ID` of the request; also in its log lines.")
    fields: list[str] = Field(description="Names of the changed fields, without their values.")

    @classmethod
    def of(cls, entry: AuditEntry) -> Self:
        """Return the representation of an entry."""
        return cls.model_validate(dataclasses.asdict(entry))


class AuditOut(BaseModel):
    """Page of audit entries, newest first."""

    model_config = examples({"entries": [_ENTRY], "next_url": None})

    entries: list[AuditEntryOut]
    next_url: NextUrl
