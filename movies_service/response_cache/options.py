"""How the cache works, and what it has to know of the catalogue."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from movies_service.telemetry.collector import CacheCounts, RequestCounts


class Revision(Protocol):
    """What is known of the catalogue; see `data_layer.catalogue_revision`."""

    @property
    def number(self) -> int:
        """The newest revision that is known."""
        ...

    @property
    def fresh_until(self) -> float:
        """Until when that may be relied on, on the cache's clock."""
        ...

    def is_away(self) -> bool:
        """Tell whether the database can't be asked."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheOptions:
    """How the cache works; for its bounds see the settings of the same names.

    Args:
        revision: of the catalogue.
        ttl_seconds: how long an answer holds.
        stale_seconds: how long beyond that it is kept, for when the database is away.
        max_bytes: of all answers.
        max_entries: how many answers.
        requests: counts what is answered from the cache.
        counts: counts what the cache does.
        clock: of the answers' age, in seconds.
    """

    revision: Revision
    ttl_seconds: float = 60
    stale_seconds: float = 86_400
    max_bytes: int = 67_108_864
    max_entries: int = 10_000
    requests: RequestCounts = field(default_factory=RequestCounts)
    counts: CacheCounts = field(default_factory=CacheCounts)
    clock: Callable[[], float] = time.monotonic
