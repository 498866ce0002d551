"""Update watermarks in a dictionary by movie key."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

from common.errors import Conflict
from data_layer.entities.update_watermark import UpdateWatermark
from data_layer.ports.update_watermarks import UpdateWatermarkRepository


class FakeUpdateWatermarkRepository(UpdateWatermarkRepository):
    """In-memory `data_layer.ports.update_watermarks.UpdateWatermarkRepository`."""

    def __init__(self) -> None:
        self.rows: dict[bytes, dt.datetime] = {}

    def find_many(self, movie_keys: Collection[bytes]) -> Mapping[bytes, dt.datetime]:
        """Return the watermarks of these movies."""
        return {key: self.rows[key] for key in movie_keys if key in self.rows}

    def add_many(self, watermarks: Sequence[UpdateWatermark]) -> None:
        """Store new watermarks."""
        if any(watermark.movie_key in self.rows for watermark in watermarks):
            raise Conflict("A movie already has a watermark.")
        self.rows.update((watermark.movie_key, watermark.updated_at) for watermark in watermarks)

    def remove_many(self, movie_keys: Collection[bytes]) -> None:
        """Delete the watermarks of these movies."""
        for key in movie_keys:
            self.rows.pop(key, None)
