"""Shared state of OMDb in a dictionary."""

from data_layer.entities.upstream_state import SOURCE, UpstreamState
from data_layer.ports.upstream_state import UpstreamStateRepository


class FakeUpstreamStateRepository(UpstreamStateRepository):
    """In-memory `data_layer.ports.upstream_state.UpstreamStateRepository`."""

    def __init__(self) -> None:
        self.rows: dict[str, UpstreamState] = {}

    def find(self) -> UpstreamState | None:
        """Return the state, or `None`."""
        return self.rows.get(SOURCE)

    def put(self, upstream: UpstreamState) -> None:
        """Replace the state."""
        self.rows[SOURCE] = upstream
