"""Command line of the benchmarks: `python -m common.benchmark`."""

import dataclasses
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar, cast

import typer
from requests import RequestException
from rich.console import Console
from rich.table import Table

from common.benchmark.commands import BenchmarkFailed
from common.benchmark.comparison import Comparison, find, find_slowdowns
from common.benchmark.databases import DatabasePlan, measure_database
from common.benchmark.experiment import Experiment
from common.benchmark.fetching import FetchingPlan, measure_fetching
from common.benchmark.importing import ImportingPlan, measure_importing
from common.benchmark.ingesting import IngestingPlan, measure_ingesting
from common.benchmark.load import installed_tool
from common.benchmark.measurement import Measurement
from common.benchmark.report import render_chart, render_json, render_page
from common.benchmark.results import CACHED, Plan
from common.benchmark.seeding import SeedingTimes, measure_seeding
from common.benchmark.workload import MOVIES_MIN
from common.cli.commands import AsJson, new_command_line, reported_errors
from common.cli.progress import ProgressBar
from common.errors import InvalidInput

app = new_command_line("Run the benchmarks that produce the figures in the documentation.")

Rounds = Annotated[int, typer.Option(min=1, help="Number of measurements.")]
Seconds = Annotated[float, typer.Option(min=0.05, help="Seconds per measurement.")]
DatabaseUrl = Annotated[
    str | None, typer.Option("--url", metavar="URL", help="Empty database; default: SQLite files.")
]
LatencyMs = Annotated[
    int, typer.Option(min=1, help="Milliseconds before the emulated OMDb responds.")
]


@app.callback(invoke_without_command=True)
def benchmark(
    context: typer.Context,
    movies: Annotated[
        str, typer.Option(help="Catalogue sizes in movies, ascending, separated by commas.")
    ] = "100,10000,1000000",
    rounds: Rounds = 5,
    seconds: Seconds = 1,
    output: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("benchmark"),
    *,
    set_baseline: Annotated[
        bool, typer.Option("--set-baseline", help="Replace the baseline with this run.")
    ] = False,
) -> None:
    """Compare the service with upper limits and with other servers, on several catalogue sizes.

    Writes report.html, results.json and chart.svg. The first run is stored as baseline.json, and
    later runs report slowdowns against it. The default takes about 15 minutes and 4 GB of disk.
    """
    if context.invoked_subcommand is None:
        with reported_errors():
            plan = Plan(
                sizes=_read_sizes(movies),
                rounds=rounds,
                seconds=seconds,
                tool=installed_tool(),
            )
            measure(plan, output, set_baseline=set_baseline)


def measure(plan: Plan, output: Path, *, set_baseline: bool) -> None:
    """Measure a plan, write the report, and print the comparisons with their targets."""
    console = Console(stderr=True)
    with _workspace() as (folder, progress):
        results = Experiment(plan, folder, progress).run()
    comparisons = find(results)
    baseline = output / "baseline.json"
    slowdowns = (
        find_slowdowns(results, json.loads(baseline.read_text())) if baseline.exists() else None
    )
    documents = {
        "results.json": render_json(results, comparisons),
        "report.html": render_page(results, comparisons, slowdowns),
        "chart.svg": render_chart(results),
    }
    if slowdowns is None or set_baseline:
        documents["baseline.json"] = documents["results.json"]
    output.mkdir(parents=True, exist_ok=True)
    for name, text in documents.items():
        (output / name).write_text(text, encoding="utf-8")
    Console().print(_comparisons_table(comparisons))
    for slowdown in slowdowns or ():
        console.print(f"Slower: {slowdown}", highlight=False)
    console.print(f"Report: {output / 'report.html'}", highlight=False)


@contextmanager
def _workspace() -> Iterator[tuple[Path, ProgressBar]]:
    """Yield a temporary folder and a progress display."""
    with (
        tempfile.TemporaryDirectory(prefix="movies-benchmark-") as folder,
        ProgressBar("Benchmark", "measurements") as progress,
    ):
        try:
            yield Path(folder), progress
        except RequestException as error:
            raise BenchmarkFailed(f"A request to a server failed: {error}") from None


def _read_sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(int(size) if size.strip().isdigit() else 0 for size in text.split(","))
    if min(sizes) < MOVIES_MIN or list(sizes) != sorted(set(sizes)):
        raise InvalidInput(
            f"--movies: pass ascending numbers of at least {MOVIES_MIN}, separated by commas."
        )
    return sizes


def _comparisons_table(comparisons: Sequence[Comparison]) -> Table:
    table = Table("figure", "measured", "target", "")
    for comparison in comparisons:
        verdict = "reached" if comparison.is_met else "missed"
        table.add_row(comparison.name, comparison.text, comparison.required_text, verdict)
    return table


class _Results(Protocol):
    def find(self) -> Iterator[Comparison]: ...


_Plan = TypeVar("_Plan")
_Measured = TypeVar("_Measured", bound=_Results)


def _run(
    measure: Callable[[_Plan, Path, ProgressBar], _Measured], plan: _Plan, *, as_json: bool
) -> _Measured:
    """Measure a plan, print the results, and return them."""
    with reported_errors(), _workspace() as (folder, progress):
        results = measure(plan, folder, progress)
    comparisons = list(results.find())
    if as_json:
        document = {
            "comparisons": [dataclasses.asdict(comparison) for comparison in comparisons],
            **dataclasses.asdict(cast("Any", results)),
        }
        print(json.dumps(document, indent=2))
    else:
        Console().print(_comparisons_table(comparisons))
    return results


@app.command()
def database(
    url: Annotated[
        str,
        typer.Option("--url", metavar="URL", help="Empty database; the movies stay in it."),
    ],
    movies: Annotated[int, typer.Option(min=MOVIES_MIN, help="Movies to copy.")] = 100_000,
    rounds: Rounds = 5,
    seconds: Seconds = 2,
    *,
    as_json: AsJson = False,
) -> None:
    """Copy movies to a database, and compare the service on it with the textbook app.

    Also compares cached responses of one server process with those of two processes.
    """
    plan = DatabasePlan(
        database_url=url, movies=movies, rounds=rounds, seconds=seconds, tool=installed_tool()
    )
    results = _run(measure_database, plan, as_json=as_json)
    if not as_json:
        together = {
            f"{CACHED}, {place}": measurement for place, measurement in results.together.items()
        }
        Console().print(_measurements_table({**results.apart, **together}))


def _measurements_table(measurements: Mapping[str, Measurement]) -> Table:
    table = Table("", "requests/s", "server CPU us/request", "load CPU us/request", "errors")
    for name, measurement in measurements.items():
        table.add_row(
            name,
            f"{measurement.requests_per_second.median:,.0f}",
            f"{measurement.cpu_us:.1f}",
            f"{measurement.generator_cpu_us:.1f}",
            str(measurement.errors),
        )
    return table


@app.command()
def fetching(
    url: DatabaseUrl = None,
    movies: Annotated[int, typer.Option(min=1, max=1000, help="Movies per round.")] = 1_000,
    latency_ms: LatencyMs = 50,
    rounds: Rounds = 3,
    *,
    as_json: AsJson = False,
) -> None:
    """Compare a fetch worker with the limit set by OMDb's latency, and measure concurrent reads."""
    plan = FetchingPlan(database_url=url, movies=movies, latency_ms=latency_ms, rounds=rounds)
    _run(measure_fetching, plan, as_json=as_json)


@app.command()
def ingesting(
    url: DatabaseUrl = None,
    objects: Annotated[
        int, typer.Option(min=1, help="Objects with one movie each, per round.")
    ] = 5_000,
    lines: Annotated[
        int, typer.Option(min=1, help="Movies of the single large object, per round.")
    ] = 50_000,
    rounds: Rounds = 3,
    *,
    as_json: AsJson = False,
) -> None:
    """Ingest movies from a folder: one movie per object, and many movies in one object."""
    plan = IngestingPlan(database_url=url, objects=objects, lines=lines, rounds=rounds)
    _run(measure_ingesting, plan, as_json=as_json)


@app.command()
def importing(
    titles: Annotated[int, typer.Option(min=1, help="Number of titles.")] = 1_000_000,
    names: Annotated[int, typer.Option(min=1, help="Number of people.")] = 500_000,
    principals: Annotated[int, typer.Option(min=0, help="Number of credits.")] = 3_000_000,
    *,
    as_json: AsJson = False,
) -> None:
    """Import generated IMDb data sets into SQLite, and compare with imdb-sqlite."""
    plan = ImportingPlan(titles=titles, names=names, principals=principals)
    _run(measure_importing, plan, as_json=as_json)


@app.command()
def seeding(
    *,
    latency_ms: LatencyMs = 250,
    concurrency: Annotated[
        int, typer.Option(min=1, max=100, help="Concurrent requests of the parallel runs.")
    ] = 25,
    rounds: Annotated[int, typer.Option(min=1, help="Parallel runs; one run is sequential.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Seed 100 movies in parallel and sequentially, and compare with the limit of the latency."""
    progress = Console(stderr=True)
    measured = []
    for parallel, runs in ((concurrency, rounds), (1, 1)):
        with progress.status(f"Seeding with {parallel} concurrent requests, {runs} runs"):
            measured.append(measure_seeding(latency_ms, parallel, runs))
    if as_json:
        print(json.dumps([_seeding_object(times) for times in measured], indent=2))
    else:
        Console().print(_seeding_table(measured))


def _seeding_object(times: SeedingTimes) -> dict[str, object]:
    return {
        **dataclasses.asdict(times),
        "limit_seconds": times.limit_seconds,
        "ratio": round(times.ratio, 3),
    }


def _seeding_table(measured: list[SeedingTimes]) -> Table:
    table = Table("concurrency", "runs", "fastest", "median", "slowest", "limit", "median / limit")
    for times in measured:
        ordered = sorted(times.seconds)
        table.add_row(
            str(times.concurrency),
            str(len(ordered)),
            *(f"{ordered[place]:.3f} s" for place in (0, len(ordered) // 2, -1)),
            f"{times.limit_seconds:.3f} s",
            f"{times.ratio:.3f}",
        )
    return table


if __name__ == "__main__":
    app()
