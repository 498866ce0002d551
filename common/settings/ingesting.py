"""Settings of the ingestion of movie updates."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from common.invalid_values import pattern_with
from common.settings.base import SettingsGroup, read_switch

_SOURCE = pattern_with(
    "dir:updates, s3://bucket/prefix, or off",
    r"^(dir:.+|(s3|gs|az)://[^/\s?#@]+(/[^\s?#]*)?)$",
)

UPDATES_FOLDER = "updates"
"""Default source of movie updates, if this folder exists."""


class IngestingSettings(SettingsGroup):
    """Source of movie updates, and how it is scanned."""

    ingest_source: Annotated[str, Field(max_length=500, pattern=_SOURCE)] | None = Field(
        default_factory=lambda: f"dir:{UPDATES_FOLDER}" if Path(UPDATES_FOLDER).is_dir() else None
    )
    """Folder or bucket that workers scan for movie updates: `dir:/path`, `s3://bucket/prefix`,
    `gs://…` or `az://…`; `off` disables ingestion."""

    ingest_poll_seconds: Annotated[int, Field(ge=1, le=86_400)] = 60
    """Seconds between two scans of the source, 1 to 86,400 (one day)."""

    ingest_batch_objects: Annotated[int, Field(ge=1, le=10_000)] = 500
    """Maximum number of objects ingested in one transaction, 1 to 10,000."""

    ingest_on_invalid: Literal["reject", "delete"] = "reject"
    """Handling of objects with invalid updates: `reject` moves them below `rejected/` and writes a
    report next to them, `delete` deletes them."""

    ingest_max_object_bytes: Annotated[int, Field(ge=1_000, le=1_073_741_824)] = 67_108_864
    """Maximum size of an object in bytes, before and after decompression, 1,000 to 1,073,741,824
    (1 GiB); larger objects are invalid."""

    @field_validator("ingest_source", mode="before")
    @classmethod
    def _switch_off(cls, value: object) -> object:
        return None if read_switch(value) == "off" else value
