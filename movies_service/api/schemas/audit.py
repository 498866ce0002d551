"""The record of who did what."""

import dataclasses
import datetime as dt
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from data_layer.entities.audit_entry import AuditEntry, AuditQuery

LIMIT_MAX = 100

_Text = Annotated[str, Field(max_length=300)]


class AuditParameters(BaseModel):
    """Which entries are wanted; each condition that is given has to hold."""

    model_config = ConfigDict(extra="forbid")

    caller: _Text | None = Field(default=None, description="Such as `user:alice`.")
    action: _Text | None = Field(default=None, description="Such as `movie.removed`.")
    subject: _Text | None = Field(default=None, description="Such as `/movies/7`.")
    before: Annotated[int, Field(ge=1, le=2**53)] | None = Field(
        default=None, description="Entries older than the one with this id."
    )
    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX)] = 50

    def to_query(self) -> AuditQuery:
        """Return the query in the words of the data layer."""
        return AuditQuery(**self.model_dump())


class AuditEntryOut(BaseModel):
    """That something was created, changed or removed. The time is in UTC."""

    id: int
    at: dt.datetime
    action: str
    subject: str
    caller: str = Field(
        description="`key:` and an id, `user:` and a name, `command line`, or `nobody`."
    )
    address: str
    request_id: str
    fields: list[str] = Field(description="Which fields have changed, where only some have.")

    @classmethod
    def of(cls, entry: AuditEntry) -> Self:
        """Return what is shown of an entry."""
        return cls.model_validate(dataclasses.asdict(entry))


class AuditOut(BaseModel):
    """Entries, newest first."""

    entries: list[AuditEntryOut]
    next_url: str | None = Field(description="Older entries; `null` where there are none.")
