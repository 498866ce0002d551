"""What is known of the source, in a variable."""

from data_layer.entities.upstream_state import Upstream


class FakeUpstreamRepository:
    """See `data_layer.ports.upstream_state.UpstreamRepository`."""

    def __init__(self, upstream: Upstream | None) -> None:
        self.upstream = upstream

    def find(self) -> Upstream | None:
        """Return the state."""
        return self.upstream

    def put(self, upstream: Upstream) -> None:
        """Replace the state."""
        self.upstream = upstream
