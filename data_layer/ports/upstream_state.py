"""What all processes together know of the source."""

from typing import Protocol

from data_layer.entities.upstream_state import Upstream


class UpstreamRepository(Protocol):
    """Keeps the state of the source."""

    def find(self) -> Upstream | None:
        """Return the state, if anybody has asked yet; nobody else changes it meanwhile.

        In a unit of work that reads only nothing is held.
        """
        ...

    def put(self, upstream: Upstream) -> None:
        """Store the state.

        Raises:
            Conflict: somebody else has stored the first one meanwhile.
        """
        ...
