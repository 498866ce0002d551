"""Prometheus collector: all metrics of the service, from its counters and the database."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from data_layer.entities.fetch import FetchState
from data_layer.entities.ingest import IngestState
from movies_service.telemetry.counters import CacheCounters, ProcessCounters, RequestCounters
from movies_service.use_cases.ingests import IngestStatus
from movies_service.use_cases.upstream_status import UpstreamStatus

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Metrics(Collector):
    """Prometheus collector of the service."""

    counts: Callable[[], ProcessCounters]
    count_movies: Callable[[], int]
    get_upstream_status: Callable[[], UpstreamStatus]
    get_ingest_status: Callable[[], IngestStatus]

    def render(self) -> bytes:
        """Return all metrics in the Prometheus text format.

        Source: https://prometheus.io/docs/instrumenting/exposition_formats.
        """
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_latest(registry)

    def describe(self) -> list[Metric]:
        """Return an empty list, so that registration does not collect the metrics."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics with their current values."""
        counts = self.counts()
        yield from _collect_requests(counts.requests)
        yield from _collect_cache(counts.cache)
        upstream = CounterMetricFamily(
            "movies_upstream_requests", "Requests sent to OMDb by outcome.", labels=["outcome"]
        )
        for outcome, count in counts.upstream_attempts.items():
            upstream.add_metric([outcome], count)
        yield upstream
        yield GaugeMetricFamily(
            "movies_catalogue_size", "Movies in the catalogue.", value=self.count_movies()
        )
        yield from _collect_upstream(self.get_upstream_status())
        yield from _collect_ingests(self.get_ingest_status())


def _collect_requests(counts: RequestCounters) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "movies_http_requests",
        "Handled requests.",
        labels=["method", "route", "status"],
    )
    for (method, route, status), count in counts.by_kind.items():
        requests.add_metric([method, route, str(status)], count)
    yield requests
    seconds = HistogramMetricFamily(
        "movies_http_request_duration_seconds",
        "Seconds until the response was sent.",
        labels=["route"],
    )
    for route, histogram in counts.seconds_by_route.items():
        seconds.add_metric([route], histogram.cumulative(), histogram.sum)
    yield seconds


def _collect_cache(counts: CacheCounters) -> Iterator[Metric]:
    for name, about, value in (
        ("hits", "Requests answered from the cache.", counts.hits),
        ("misses", "Requests that missed the cache.", counts.misses),
        (
            "stale_hits",
            "Requests answered with a stale response while the database was unavailable.",
            counts.stale,
        ),
        ("evictions", "Cached responses evicted to stay within the size limit.", counts.evictions),
    ):
        yield CounterMetricFamily(f"movies_cache_{name}", about, value=value)
    yield GaugeMetricFamily("movies_cache_entries", "Cached responses.", value=counts.entries)
    yield GaugeMetricFamily(
        "movies_cache_bytes", "Size of cached responses in bytes.", value=counts.bytes
    )


def _collect_upstream(status: UpstreamStatus) -> Iterator[Metric]:
    fetches = GaugeMetricFamily(
        "movies_fetch_jobs",
        "Stored fetch jobs by state; finished ones are deleted after 30 days.",
        labels=["state"],
    )
    for state in FetchState:
        fetches.add_metric([state.value], status.fetches.get(state, 0))
    yield fetches
    yield GaugeMetricFamily(
        "movies_upstream_quota_used",
        "Requests of this UTC day that were sent to OMDb or are reserved by workers.",
        value=status.quota_used,
    )
    if status.quota_remaining is not None:
        yield GaugeMetricFamily(
            "movies_upstream_quota_remaining",
            "Requests that remain of the quota of this UTC day; absent without a daily limit.",
            value=status.quota_remaining,
        )
    yield GaugeMetricFamily(
        "movies_upstream_circuit_open",
        "1 while the circuit breaker is open.",
        value=int(status.circuit_state == "open"),
    )


def _collect_ingests(status: IngestStatus) -> Iterator[Metric]:
    objects = GaugeMetricFamily(
        "movies_ingest_objects", "Ingested objects of the last 30 days by state.", labels=["state"]
    )
    for state in IngestState:
        objects.add_metric([state.value], status.objects.get(state, 0))
    yield objects
    if status.source is None:
        return
    scanned_at = status.source.scanned_at
    yield GaugeMetricFamily(
        "movies_ingest_last_scan_timestamp_seconds",
        "Unix time at which the last scan of the source ended; 0 before the first one, "
        "absent without a source.",
        value=0 if scanned_at is None else scanned_at.timestamp(),
    )
    yield GaugeMetricFamily(
        "movies_ingest_source_up",
        "1 if the last scan of the ingest source succeeded and left no object, else 0; absent "
        "without a source.",
        value=int(status.source.last_error is None),
    )
