"""What the service counts, as Prometheus reads it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Self

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from common.histogram import Histogram
from data_layer.entities.fetch import FetchState
from data_layer.entities.ingest import IngestState
from movies_service.use_cases.ingests import IngestView
from movies_service.use_cases.upstream_status import UpstreamView

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# Not formatted: a line for the times below a hundredth of a second, one for those above.
LATENCY_BOUNDS_SECONDS = (
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
)  # fmt: skip

UNKNOWN_ROUTE = "unknown"
"""What a path that leads nowhere counts as; paths themselves are endless."""

RequestKind = tuple[str, str, int]
"""Method, route and status."""


class RequestCounts:
    """The requests that were answered, whoever answered them. For one event loop."""

    def __init__(self) -> None:
        self.by_kind: dict[RequestKind, int] = {}
        self.seconds_by_route: dict[str, Histogram] = defaultdict(
            partial(Histogram, LATENCY_BOUNDS_SECONDS)
        )

    def add(self, kind: RequestKind, seconds: float) -> None:
        """Count an answered request."""
        self.by_kind[kind] = self.by_kind.get(kind, 0) + 1
        self.seconds_by_route[kind[1]].observe(seconds)

    def add_all(self, other: Self) -> None:
        """Count what another one has counted."""
        for kind, count in other.by_kind.copy().items():
            self.by_kind[kind] = self.by_kind.get(kind, 0) + count
        for route, histogram in other.seconds_by_route.copy().items():
            self.seconds_by_route[route].add(histogram)


@dataclass(slots=True)
class CacheCounts:
    """What the cache did, and what it holds."""

    hits: int = 0
    misses: int = 0
    stale: int = 0
    evictions: int = 0
    entries: int = 0
    bytes: float = 0

    def add(self, other: Self) -> None:
        """Count what another one has counted."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))


@dataclass(slots=True)
class Counts:
    """What one process has counted, or several together.

    Args:
        requests: that were answered.
        cache: what the cache did.
        upstream_attempts: how many requests went to OMDb, by what came of them.
    """

    requests: RequestCounts = field(default_factory=RequestCounts)
    cache: CacheCounts = field(default_factory=CacheCounts)
    upstream_attempts: Counter[str] = field(default_factory=Counter)

    def add(self, other: Self, *, is_alive: bool = True) -> None:
        """Count what another process has counted; a dead one holds nothing in its cache."""
        self.requests.add_all(other.requests)
        self.cache.add(other.cache)
        if not is_alive:
            self.cache.entries -= other.cache.entries
            self.cache.bytes -= other.cache.bytes
        self.upstream_attempts.update(other.upstream_attempts)


@dataclass(frozen=True, slots=True)
class Metrics(Collector):
    """Everything that is counted.

    Args:
        counts: gives what was counted.
        count_movies: gives how many films the catalogue has.
        look: gives how OMDb is, and the wishes.
        look_at_ingests: gives what was ingested.
    """

    counts: Callable[[], Counts]
    count_movies: Callable[[], int]
    look: Callable[[], UpstreamView]
    look_at_ingests: Callable[[], IngestView]

    def render(self) -> bytes:
        """Return the exposition that Prometheus scrapes.

        Source: https://prometheus.io/docs/instrumenting/exposition_formats.
        """
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_latest(registry)

    def describe(self) -> list[Metric]:
        """Return nothing, so that registering collects nothing."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Give each metric with its values of now."""
        counts = self.counts()
        yield from _collect_requests(counts.requests)
        yield from _collect_cache(counts.cache)
        upstream = CounterMetricFamily(
            "movies_upstream_requests", "Requests that went to OMDb.", labels=["outcome"]
        )
        for outcome, count in counts.upstream_attempts.items():
            upstream.add_metric([outcome], count)
        yield upstream
        yield GaugeMetricFamily("movies_catalogue_movies", "Films.", value=self.count_movies())
        yield from _collect_upstream(self.look())
        yield from _collect_ingests(self.look_at_ingests())


def _collect_requests(counts: RequestCounts) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "movies_http_requests",
        "Requests that were answered.",
        labels=["method", "route", "status"],
    )
    for (method, route, status), count in counts.by_kind.items():
        requests.add_metric([method, route, str(status)], count)
    yield requests
    seconds = HistogramMetricFamily(
        "movies_http_request_seconds", "Time until the answer was sent.", labels=["route"]
    )
    for route, histogram in counts.seconds_by_route.items():
        seconds.add_metric([route], histogram.cumulative(), histogram.sum)
    yield seconds


def _collect_cache(counts: CacheCounts) -> Iterator[Metric]:
    for name, about, value in (
        ("hits", "Requests that were answered from the cache.", counts.hits),
        ("misses", "Requests that the cache had no answer for.", counts.misses),
        ("stale", "Requests it answered while the database was away.", counts.stale),
        ("evictions", "Answers that had to make room.", counts.evictions),
    ):
        yield CounterMetricFamily(f"movies_cache_{name}", about, value=value)
    yield GaugeMetricFamily("movies_cache_entries", "Kept answers.", value=counts.entries)
    yield GaugeMetricFamily("movies_cache_bytes", "Their size.", value=counts.bytes)


def _collect_upstream(view: UpstreamView) -> Iterator[Metric]:
    fetches = GaugeMetricFamily("movies_fetches", "Wishes of 30 days.", labels=["state"])
    for state in FetchState:
        fetches.add_metric([state.value], view.fetches.get(state, 0))
    yield fetches
    yield GaugeMetricFamily(
        "movies_upstream_spent", "Requests to OMDb of this day of UTC.", value=view.spent
    )
    if view.left is not None:
        yield GaugeMetricFamily(
            "movies_upstream_left", "Requests to OMDb left of this day.", value=view.left
        )
    yield GaugeMetricFamily(
        "movies_upstream_left_alone",
        "1 while OMDb is not asked, since it did not serve.",
        value=int(view.breaker == "open"),
    )


def _collect_ingests(view: IngestView) -> Iterator[Metric]:
    objects = GaugeMetricFamily(
        "movies_ingests", "Objects of 30 days with updates of films.", labels=["state"]
    )
    for state in IngestState:
        objects.add_metric([state.value], view.objects.get(state, 0))
    yield objects
    if view.source is None:
        return
    looked_at = view.source.looked_at
    yield GaugeMetricFamily(
        "movies_ingest_looked_at_seconds",
        "When a look for objects last ended, as Unix time; 0 before the first one.",
        value=0 if looked_at is None else looked_at.timestamp(),
    )
    yield GaugeMetricFamily(
        "movies_ingest_failing",
        "1 while the source of objects can't be used.",
        value=int(view.source.problem is not None),
    )
