"""The comparison: each question to each server, in rounds, so that what disturbs disturbs all."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psutil
import requests

from common.benchmark.load import Load, LoadGenerator
from common.benchmark.process_meter import ProcessMeter
from common.benchmark.servers import Server

_IDLE_SHARE = 0.1
_SETTLE_SECONDS = 0.05
_SETTLE_MAX_SECONDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is measured: a server, what it is asked, and how many ask at once."""

    contender: str
    films: int
    read: str
    server: Server
    paths: Sequence[str]
    connections: int
    headers: Sequence[str] = ()
    generator: LoadGenerator | None = None
    """Makes its load, where that is another one than that of the others."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Values of several rounds."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return the spread of at least one value."""
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What came of a question."""

    contender: str
    films: int
    read: str
    connections: int
    requests_per_second: Spread
    latency_us: dict[str, float]
    """Medians over the rounds, by percentile."""
    cpu_us: float
    """Of the server, for each request."""
    generator_cpu_us: float = 0
    """Of what makes the load, for each request."""
    errors: int
    is_slow: bool
    """Whether it was asked once a round: not everybody who asks would get an answer in time."""


@dataclass(slots=True)
class _Rounds:
    question: Question
    is_slow: bool
    loads: list[Load] = field(default_factory=list)
    cpu_seconds: float = 0

    def run(self, generator: LoadGenerator, seconds: float) -> None:
        asked = self.question
        with ProcessMeter(asked.server.pid) as meter:
            if not self.is_slow:
                load = (asked.generator or generator).run(
                    asked.server.url,
                    asked.paths,
                    seconds=seconds,
                    connections=asked.connections,
                    headers=asked.headers,
                )
                self.is_slow = not load.requests
            if self.is_slow:
                load = _ask_once(asked)
        self.loads.append(load)
        self.cpu_seconds += meter.cpu_seconds

    def to_cell(self) -> Cell:
        asked = self.question
        answered = sum(load.requests for load in self.loads)
        return Cell(
            contender=asked.contender,
            films=asked.films,
            read=asked.read,
            connections=asked.connections,
            requests_per_second=Spread.of([load.requests_per_second for load in self.loads]),
            latency_us={
                percentile: statistics.median([load.latency_us[percentile] for load in self.loads])
                for percentile in self.loads[0].latency_us
            },
            cpu_us=self.cpu_seconds / max(1, answered) * 1e6,
            generator_cpu_us=sum(load.generator_cpu_seconds for load in self.loads)
            / max(1, answered)
            * 1e6,
            errors=sum(load.errors for load in self.loads),
            is_slow=self.is_slow,
        )


def compare(
    questions: Sequence[Question],
    generator: LoadGenerator,
    *,
    rounds: int,
    seconds: float,
    advance: Callable[[str], None],
) -> list[Cell]:
    """Ask every question in every round.

    Args:
        questions: in the order in which they are asked.
        generator: makes the load.
        rounds: how often each is asked.
        seconds: how long, each time.
        advance: is told what is asked next.
    """
    everything = [_Rounds(question, _is_slow(question, seconds)) for question in questions]
    for _ in range(rounds):
        for each in everything:
            asked = each.question
            advance(f"{asked.contender}, {asked.films:,} films, {asked.read}")
            each.run(generator, seconds)
            _wait_until_idle(asked.server.pid)
    return [each.to_cell() for each in everything]


def _is_slow(question: Question, seconds: float) -> bool:
    _ask_once(question)  # The first answer can take longer than those that follow.
    return _ask_once(question).seconds * question.connections > seconds


def _ask_once(question: Question) -> Load:
    headers = dict(header.split(": ", 1) for header in question.headers)
    started = time.perf_counter()
    answer = requests.get(question.server.url + question.paths[0], headers=headers, timeout=120)
    seconds = time.perf_counter() - started
    return Load(1, seconds, errors=not answer.ok, latency_us={"50": seconds * 1e6})


def _wait_until_idle(pid: int) -> None:
    """Wait until a server has done what nobody waits for any more."""
    process = psutil.Process(pid)
    deadline = time.monotonic() + _SETTLE_MAX_SECONDS
    while time.monotonic() < deadline:
        if process.cpu_percent(_SETTLE_SECONDS) < 100 * _IDLE_SHARE:
            return
