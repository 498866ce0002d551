"""Measurement of workloads in rounds, so that disturbances of the machine affect all equally."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psutil
import requests

from common.benchmark.load import Load, LoadGenerator
from common.benchmark.process_meter import ProcessMeter
from common.benchmark.workload import Workload

_IDLE_SHARE = 0.1
_SETTLE_SECONDS = 0.05
_SETTLE_MAX_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, minimum and maximum over several rounds."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return the spread of the values, of which there is at least one."""
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Result of one workload."""

    target: str
    movies: int
    read: str
    connections: int
    requests_per_second: Spread
    latency_us: dict[str, float]
    """Latencies in microseconds by percentile, as medians over the rounds."""
    cpu_us: float
    """CPU time of the server for each request, in microseconds."""
    generator_cpu_us: float = 0
    """CPU time of the load generator for each request, in microseconds."""
    errors: int
    is_slow: bool
    """Whether each round sent a single request, since `connections` would not be served in time."""


@dataclass(slots=True)
class _Rounds:
    workload: Workload
    is_slow: bool
    loads: list[Load] = field(default_factory=list)
    cpu_seconds: float = 0

    def run(self, generator: LoadGenerator, seconds: float) -> None:
        workload = self.workload
        with ProcessMeter(workload.server.pid) as meter:
            if not self.is_slow:
                load = (workload.generator or generator).run(
                    workload.server.url,
                    workload.paths,
                    seconds=seconds,
                    connections=workload.connections,
                    headers=workload.headers,
                )
                self.is_slow = not load.requests
            if self.is_slow:
                load = _send_once(workload)
        self.loads.append(load)
        self.cpu_seconds += meter.cpu_seconds

    def to_measurement(self) -> Measurement:
        workload = self.workload
        responses = sum(load.requests for load in self.loads)
        return Measurement(
            target=workload.target,
            movies=workload.movies,
            read=workload.read,
            connections=workload.connections,
            requests_per_second=Spread.of([load.requests_per_second for load in self.loads]),
            latency_us={
                percentile: statistics.median([load.latency_us[percentile] for load in self.loads])
                for percentile in self.loads[0].latency_us
            },
            cpu_us=self.cpu_seconds / max(1, responses) * 1e6,
            generator_cpu_us=sum(load.generator_cpu_seconds for load in self.loads)
            / max(1, responses)
            * 1e6,
            errors=sum(load.errors for load in self.loads),
            is_slow=self.is_slow,
        )


def compare(
    workloads: Sequence[Workload],
    generator: LoadGenerator,
    *,
    rounds: int,
    seconds: float,
    advance: Callable[[str], None],
) -> list[Measurement]:
    """Measure every workload in every round, and return the results in the order of `workloads`.

    `generator` serves workloads without their own; `advance` gets a description of each measurement
    before it starts.
    """
    everything = [_Rounds(workload, _is_slow(workload, seconds)) for workload in workloads]
    for _ in range(rounds):
        for each in everything:
            workload = each.workload
            advance(f"{workload.target}, {workload.movies:,} movies, {workload.read}")
            each.run(generator, seconds)
            _wait_until_idle(workload.server.pid)
    return [each.to_measurement() for each in everything]


def _is_slow(workload: Workload, seconds: float) -> bool:
    _send_once(workload)  # The first response can take longer than later ones.
    return _send_once(workload).seconds * workload.connections > seconds


def _send_once(workload: Workload) -> Load:
    headers = dict(header.split(": ", 1) for header in workload.headers)
    started = time.perf_counter()
    response = requests.get(workload.server.url + workload.paths[0], headers=headers, timeout=120)
    seconds = time.perf_counter() - started
    return Load(1, seconds, errors=not response.ok, latency_us={"50": seconds * 1e6})


def _wait_until_idle(pid: int) -> None:
    """Wait until a server has finished requests whose clients have disconnected."""
    process = psutil.Process(pid)
    deadline = time.monotonic() + _SETTLE_MAX_SECONDS
    while time.monotonic() < deadline:
        if process.cpu_percent(_SETTLE_SECONDS) < 100 * _IDLE_SHARE:
            return
