"""Options of the response cache, and the catalogue revision that it depends on."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Protocol

from movies_service.telemetry.counters import CacheCounters, RequestCounters


class Revision(Protocol):
    """Catalogue revision as known to this process; see `data_layer.catalogue_revision`."""

    @property
    def number(self) -> int:
        """Newest known revision."""
        ...

    @property
    def fresh_until(self) -> float:
        """Time on the cache's clock until which the number counts as current."""
        ...

    def is_unavailable(self) -> bool:
        """Return whether the database is unavailable."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheOptions:
    """Options of the response cache; see the settings of the same names.

    Args:
        revision: catalogue revision.
        ttl_seconds: lifetime of a response.
        stale_seconds: time after the lifetime for which a response may be served while the
            database is unavailable.
        max_bytes: limit of the size of all responses.
        max_entries: limit of the number of responses.
        is_cacheable: returns whether a path belongs to a resource whose responses may be stored.
        cors_origins: origins that CORS allows; all others share their responses.
        requests: counters of requests, which include those served from the cache.
        counts: counters of the cache.
        clock: returns monotonic seconds, for the age of responses.
    """

    revision: Revision
    ttl_seconds: float = 60
    stale_seconds: float = 86_400
    max_bytes: int = 67_108_864
    max_entries: int = 10_000
    is_cacheable: Callable[[str], bool] = lambda _path: True
    cors_origins: Collection[str] = ("*",)
    requests: RequestCounters = field(default_factory=RequestCounters)
    counts: CacheCounters = field(default_factory=CacheCounters)
    clock: Callable[[], float] = time.monotonic
