"""Counters of one process: requests, the response cache, requests to OMDb."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Self

from common.histogram import Histogram

# Not formatted: one line for the bounds below 10 ms, one for those above.
LATENCY_BOUNDS_SECONDS = (
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
)  # fmt: skip  # A table is easier to read in long lines.

UNKNOWN_ROUTE = "unknown"
"""Route label of unknown paths; the paths themselves would be an unbounded set of labels."""

RequestKind = tuple[str, str, int]
"""Method, route and status."""


class RequestCounters:
    """Handled requests by kind, and their duration by route. Not thread-safe."""

    def __init__(self) -> None:
        self.by_kind: dict[RequestKind, int] = {}
        self.seconds_by_route: dict[str, Histogram] = defaultdict(
            partial(Histogram, LATENCY_BOUNDS_SECONDS)
        )

    def add(self, kind: RequestKind, seconds: float) -> None:
        """Count a handled request and its duration."""
        self.by_kind[kind] = self.by_kind.get(kind, 0) + 1
        self.seconds_by_route[kind[1]].observe(seconds)

    def add_all(self, other: Self) -> None:
        """Add the counts of another instance."""
        for kind, count in other.by_kind.copy().items():
            self.by_kind[kind] = self.by_kind.get(kind, 0) + count
        for route, histogram in other.seconds_by_route.copy().items():
            self.seconds_by_route[route].add(histogram)


@dataclass(slots=True)
class CacheCounters:
    """Operations and size of the response cache."""

    hits: int = 0
    misses: int = 0
    stale: int = 0
    evictions: int = 0
    entries: int = 0
    bytes: float = 0

    def add(self, other: Self) -> None:
        """Add the counts of another instance."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))


@dataclass(slots=True)
class ProcessCounters:
    """Counters of one process, or the sum over several."""

    requests: RequestCounters = field(default_factory=RequestCounters)
    cache: CacheCounters = field(default_factory=CacheCounters)
    upstream_attempts: Counter[str] = field(default_factory=Counter)

    def add(self, other: Self, *, is_alive: bool = True) -> None:
        """Add the counts of another process; ignore the cache size of a dead one."""
        self.requests.add_all(other.requests)
        self.cache.add(other.cache)
        if not is_alive:
            self.cache.entries -= other.cache.entries
            self.cache.bytes -= other.cache.bytes
        self.upstream_attempts.update(other.upstream_attempts)
