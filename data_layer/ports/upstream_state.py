"""Repository of the shared state of OMDb."""

from typing import Protocol

from data_layer.entities.upstream_state import UpstreamState


class UpstreamStateRepository(Protocol):
    """Quota and circuit breaker state of OMDb, in a single record."""

    def find(self) -> UpstreamState | None:
        """Return the state, and lock it until the unit of work ends; `None` before the first `put`.

        A read-only unit of work acquires no lock.
        """
        ...

    def put(self, upstream: UpstreamState) -> None:
        """Store the state, replacing the previous one.

        Raises:
            Conflict: A concurrent unit of work stored the first state.
        """
        ...
