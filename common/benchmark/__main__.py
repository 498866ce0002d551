"""The command `python -m common.benchmark`."""

import dataclasses
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any, Protocol, cast

import typer
from requests import RequestException
from rich.console import Console
from rich.table import Table

from common.benchmark.commands import BenchmarkFailed
from common.benchmark.comparison import Finding, find, find_slowdowns
from common.benchmark.databases import DatabasePlan, measure_database
from common.benchmark.experiment import Experiment
from common.benchmark.fetching import FetchingPlan, measure_fetching
from common.benchmark.importing import ImportingPlan, measure_importing
from common.benchmark.ingesting import IngestingPlan, measure_ingesting
from common.benchmark.load import installed_tool
from common.benchmark.measurement import Cell
from common.benchmark.progress import ExperimentProgress
from common.benchmark.report import render_chart, render_json, render_page
from common.benchmark.results import CACHED, Plan
from common.benchmark.seeding import SeedingTimes, measure_seeding
from common.benchmark.workload import FILMS_MIN
from common.cli.commands import new_command_line, reported_errors
from common.errors import InvalidInput

app = new_command_line("Measure this project; the figures in its documentation come from here.")


@app.callback(invoke_without_command=True)
def benchmark(
    context: typer.Context,
    films: Annotated[
        str, typer.Option(help="Sizes of the catalogues, rising, with commas between.")
    ] = "100,10000,1000000",
    rounds: Annotated[int, typer.Option(min=1, help="How often each question is asked.")] = 5,
    seconds: Annotated[float, typer.Option(min=0.05, help="How long, each time.")] = 1,
    output: Annotated[Path, typer.Option(help="Where the report goes.")] = Path("benchmark"),
    *,
    set_baseline: Annotated[
        bool, typer.Option("--set-baseline", help="Compare later runs with this one.")
    ] = False,
) -> None:
    """Measure the service against the limits, and against others, on catalogues of several sizes.

    Writes report.html, results.json and chart.svg. The first run is kept as baseline.json; later
    ones say what got slower since. The default takes about 15 minutes and 4 GB of disk.
    """
    if context.invoked_subcommand is None:
        with reported_errors():
            plan = Plan(
                sizes=_read_sizes(films),
                rounds=rounds,
                seconds=seconds,
                tool=installed_tool(),
            )
            measure(plan, output, set_baseline=set_baseline)


def measure(plan: Plan, output: Path, *, set_baseline: bool) -> None:
    """Measure a plan, write the report, and print the figures that have targets."""
    console = Console(stderr=True)
    with _surroundings(console) as (folder, progress):
        results = Experiment(plan, folder, progress).run()
    findings = find(results)
    baseline = output / "baseline.json"
    slowdowns = (
        find_slowdowns(results, json.loads(baseline.read_text())) if baseline.exists() else None
    )
    documents = {
        "results.json": render_json(results, findings),
        "report.html": render_page(results, findings, slowdowns),
        "chart.svg": render_chart(results),
    }
    if slowdowns is None or set_baseline:
        documents["baseline.json"] = documents["results.json"]
    output.mkdir(parents=True, exist_ok=True)
    for name, text in documents.items():
        (output / name).write_text(text, encoding="utf-8")
    Console().print(_findings_table(findings))
    for slowdown in slowdowns or ():
        console.print(f"Slower: {slowdown}", highlight=False)
    console.print(f"The report is {output / 'report.html'}", highlight=False)


@contextmanager
def _surroundings(console: Console) -> Iterator[tuple[Path, ExperimentProgress]]:
    """Give an empty folder and a progress; servers that do not answer end with a sentence."""
    with (
        tempfile.TemporaryDirectory(prefix="movies-benchmark-") as folder,
        closing(ExperimentProgress(console)) as progress,
    ):
        try:
            yield Path(folder), progress
        except RequestException as error:
            raise BenchmarkFailed(f"A server did not answer as it has to: {error}") from None


def _read_sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(int(size) if size.strip().isdigit() else 0 for size in text.split(","))
    if min(sizes) < FILMS_MIN or list(sizes) != sorted(set(sizes)):
        raise InvalidInput(f"--films: give rising numbers of {FILMS_MIN} and more.")
    return sizes


def _findings_table(findings: Sequence[Finding]) -> Table:
    table = Table("figure", "measured", "target", "")
    for finding in findings:
        verdict = "reached" if finding.is_met else "missed"
        table.add_row(finding.name, finding.text, finding.target_text, verdict)
    return table


@app.command()
def database(
    url: Annotated[
        str,
        typer.Option("--url", metavar="URL", help="An empty database; it keeps the films."),
    ],
    films: Annotated[int, typer.Option(min=FILMS_MIN, help="How many are copied.")] = 100_000,
    rounds: Annotated[int, typer.Option(min=1, help="How often each question is asked.")] = 5,
    seconds: Annotated[float, typer.Option(min=0.05, help="How long, each time.")] = 2,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object.")] = False,
) -> None:
    """Copy films into a database, and compare the service on it with the textbook app.

    Then one process that answers from its cache is compared with two of them.
    """
    console = Console(stderr=True)
    plan = DatabasePlan(
        database_url=url, films=films, rounds=rounds, seconds=seconds, tool=installed_tool()
    )
    with reported_errors(), _surroundings(console) as (folder, progress):
        results = measure_database(plan, folder, progress)
    _print_results(results, as_json=as_json)
    if not as_json:
        together = {f"{CACHED}, {place}": cell for place, cell in results.together.items()}
        Console().print(_cells_table({**results.apart, **together}))


def _cells_table(cells: Mapping[str, Cell]) -> Table:
    table = Table("", "requests/s", "server, us a request", "load, us a request", "errors")
    for name, cell in cells.items():
        table.add_row(
            name,
            f"{cell.requests_per_second.median:,.0f}",
            f"{cell.cpu_us:.1f}",
            f"{cell.generator_cpu_us:.1f}",
            str(cell.errors),
        )
    return table


@app.command()
def fetching(
    url: Annotated[
        str | None,
        typer.Option("--url", metavar="URL", help="An empty database; else SQLite files."),
    ] = None,
    films: Annotated[int, typer.Option(min=1, max=1000, help="In each round.")] = 1_000,
    latency_ms: Annotated[
        int, typer.Option(min=1, help="Milliseconds that the emulated OMDb takes.")
    ] = 50,
    rounds: Annotated[int, typer.Option(min=1, help="How often.")] = 3,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object.")] = False,
) -> None:
    """Fetch films with a worker, against what the latency allows; and read meanwhile."""
    console = Console(stderr=True)
    plan = FetchingPlan(database_url=url, films=films, latency_ms=latency_ms, rounds=rounds)
    with reported_errors(), _surroundings(console) as (folder, progress):
        results = measure_fetching(plan, folder, progress)
    _print_results(results, as_json=as_json)


@app.command()
def ingesting(
    url: Annotated[
        str | None,
        typer.Option("--url", metavar="URL", help="An empty database; else SQLite files."),
    ] = None,
    objects: Annotated[int, typer.Option(min=1, help="With one film each, a round.")] = 5_000,
    lines: Annotated[int, typer.Option(min=1, help="Films of one object, a round.")] = 50_000,
    rounds: Annotated[int, typer.Option(min=1, help="How often.")] = 3,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object.")] = False,
) -> None:
    """Ingest films from a folder, each in an object of its own and many in one."""
    console = Console(stderr=True)
    plan = IngestingPlan(database_url=url, objects=objects, lines=lines, rounds=rounds)
    with reported_errors(), _surroundings(console) as (folder, progress):
        results = measure_ingesting(plan, folder, progress)
    _print_results(results, as_json=as_json)


@app.command()
def importing(
    titles: Annotated[int, typer.Option(min=1, help="How many.")] = 1_000_000,
    names: Annotated[int, typer.Option(min=1, help="How many people.")] = 500_000,
    principals: Annotated[int, typer.Option(min=0, help="How many credits.")] = 3_000_000,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object.")] = False,
) -> None:
    """Import files as IMDb's into SQLite, beside imdb-sqlite with the same files."""
    console = Console(stderr=True)
    plan = ImportingPlan(titles=titles, names=names, principals=principals)
    with reported_errors(), _surroundings(console) as (folder, progress):
        results = measure_importing(plan, folder, progress)
    _print_results(results, as_json=as_json)


class _Results(Protocol):
    def find(self) -> Iterator[Finding]: ...


def _print_results(results: _Results, *, as_json: bool) -> None:
    findings = list(results.find())
    if as_json:
        written = [dataclasses.asdict(finding) for finding in findings]
        measured = dataclasses.asdict(cast("Any", results))
        print(json.dumps({"findings": written, **measured}, indent=2))
        return
    Console().print(_findings_table(findings))


@app.command()
def seeding(
    *,
    latency_ms: Annotated[
        int, typer.Option(min=1, help="Milliseconds that the emulated OMDb takes.")
    ] = 250,
    concurrency: Annotated[
        int, typer.Option(min=1, max=100, help="Requests at once in the parallel runs.")
    ] = 25,
    rounds: Annotated[int, typer.Option(min=1, help="Parallel runs; there is one other.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, an array.")] = False,
) -> None:
    """Seed 100 films in parallel and one by one, against what the latency allows at best."""
    progress = Console(stderr=True)
    measured = []
    for at_once, runs in ((concurrency, rounds), (1, 1)):
        with progress.status(f"Seeding with {at_once} at once, {runs} times"):
            measured.append(measure_seeding(latency_ms, at_once, runs))
    if as_json:
        print(json.dumps([_as_object(times) for times in measured], indent=2))
    else:
        Console().print(_as_table(measured))


def _as_object(times: SeedingTimes) -> dict[str, object]:
    return {
        **dataclasses.asdict(times),
        "limit_seconds": times.limit_seconds,
        "ratio": round(times.ratio, 3),
    }


def _as_table(measured: list[SeedingTimes]) -> Table:
    table = Table("at once", "runs", "fastest", "median", "slowest", "limit", "median / limit")
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
