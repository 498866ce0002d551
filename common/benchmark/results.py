"""What a benchmark measures, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from common.benchmark.datasets import Filling
from common.benchmark.load import Tool
from common.benchmark.measurement import Cell
from common.benchmark.memory import Memory
from common.benchmark.seeding import SeedingTimes

CACHED, UNCACHED = "Movies API, cached", "Movies API, uncached"
RAW_ASGI, NGINX = "raw ASGI app", "nginx, static file"
TEXTBOOK, DATASETTE = "textbook FastAPI and ORM", "Datasette"

NOT_MODIFIED = "304"
"""The first page, for a client that has it."""

QuestionKey = tuple[str, int, str, int]

BARE_FILMS = 100_000
"""How many films without links are stored, to time that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is measured, and for how long.

    Args:
        sizes: of the catalogues, in films, rising.
        rounds: how often each question is asked.
        seconds: how long, each time.
        connections: how many ask at once.
        tool: what makes the load.
        seeding_latency_ms: of the emulated OMDb while seeding is timed.
        bare_films: how many films without links are stored.
    """

    sizes: Sequence[int] = (100, 10_000, 1_000_000)
    rounds: int = 5
    seconds: float = 1
    connections: int = 32
    tool: Tool
    seeding_latency_ms: int = 250
    bare_films: int = BARE_FILMS

    @property
    def reference_films(self) -> int:
        """The size on which servers are compared that know no sizes: the second smallest."""
        return self.sizes[min(1, len(self.sizes) - 1)]


@dataclass(frozen=True, slots=True)
class Latency:
    """What one client sees that asks again and again with `requests`, in milliseconds."""

    contender: str
    median_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What was measured."""

    started_at: str
    machine: dict[str, str]
    versions: dict[str, str]
    plan: Plan
    missing: tuple[str, ...]
    """What could not be compared, and why."""
    cells: tuple[Cell, ...]
    single_client: tuple[Latency, ...]
    memory: tuple[Memory, ...]
    fillings: tuple[Filling, ...]
    seeding: tuple[SeedingTimes, ...]

    @property
    def by_question(self) -> dict[QuestionKey, Cell]:
        """The cells, by contender, films, read and connections."""
        return {
            (cell.contender, cell.films, cell.read, cell.connections): cell for cell in self.cells
        }
