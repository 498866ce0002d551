import json
import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
import requests
from typer.testing import CliRunner

from common.benchmark import __main__ as command
from common.benchmark import experiment
from common.benchmark.__main__ import app, measure
from common.benchmark.client import PERCENTILES
from common.benchmark.experiment import Experiment
from common.benchmark.load import Load, LoadGenerator
from common.benchmark.measurement import _wait_until_idle, compare
from common.benchmark.memory import measure_memory
from common.benchmark.results import CACHED, NGINX, NOT_MODIFIED, RAW_ASGI, Plan, Results
from common.benchmark.seeding import SeedingTimes
from common.benchmark.servers import Server
from common.benchmark.targets import TargetFactory
from common.benchmark.tests.conftest import MakeResults
from common.benchmark.workload import Read, Workload
from common.cli.progress import ProgressBar

ROOT = Path(__file__).parents[3]
PLAN = Plan(
    sizes=(20,),
    rounds=1,
    seconds=0.05,
    connections=4,
    tool="own client",
    seeding_latency_ms=1,
    bare_movies=100,
)


def request_each(
    _self: LoadGenerator,
    url: str,
    paths: Sequence[str],
    *,
    seconds: float,
    connections: int,
    headers: Sequence[str],
) -> Load:
    """Stand in for a load: request each path once, without a process."""
    fields = dict(header.split(": ", 1) for header in headers)
    responses = [requests.get(url + path, headers=fields, timeout=60) for path in paths]
    errors = sum(not response.ok for response in responses)
    return Load(len(paths), seconds, errors, {f"{each:g}": 1.0 for each in PERCENTILES})


@pytest.mark.integration
def test_runs_all_measurements_and_writes_the_report(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    recorded: list[Results] = []
    run = Experiment.run

    def run_and_record(self: Experiment) -> Results:
        recorded.append(run(self))
        return recorded[-1]

    monkeypatch.setattr(Experiment, "run", run_and_record)
    monkeypatch.setattr(
        experiment,
        "measure_seeding",
        lambda latency_ms, concurrency, _runs: SeedingTimes(concurrency, 100, latency_ms, (1.1,)),
    )
    monkeypatch.setattr(experiment, "_SINGLE_REQUESTS", 5)
    monkeypatch.setattr(LoadGenerator, "run", request_each)
    measure(PLAN, tmp_path / "out", set_baseline=False)
    (results,) = recorded
    assert [measurement for measurement in results.measurements if measurement.errors] == []
    assert {measurement.target for measurement in results.measurements} >= {CACHED, RAW_ASGI}
    assert (NGINX in {measurement.target for measurement in results.measurements}) is not bool(
        results.missing
    )
    assert results.by_workload[CACHED, 20, NOT_MODIFIED, 4].requests_per_second.median > 0
    assert {memory.is_cache_full for memory in results.memory} == {False}
    assert all(memory.cache_bytes > 0 for memory in results.memory)
    assert [generation.movies for generation in results.generations] == [100, 20]
    written = {file.name: file.read_text() for file in (tmp_path / "out").iterdir()}
    assert set(written) == {"results.json", "report.html", "chart.svg", "baseline.json"}
    assert json.loads(written["results.json"])["plan"]["sizes"] == [20]
    shown = capsys.readouterr()
    assert "cached page" in shown.out
    assert "Comparing" in shown.err


def test_compares_with_the_baseline_and_replaces_it_on_request(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    make_results: MakeResults,
) -> None:
    def measure_at(speed: float, *, set_baseline: bool = False) -> str:
        monkeypatch.setattr(Experiment, "run", lambda _self: make_results({CACHED: speed}))
        measure(PLAN, tmp_path, set_baseline=set_baseline)
        return capsys.readouterr().err

    assert "Slower" not in measure_at(9_000)
    assert "Slower: Movies API, cached" in measure_at(5_000)
    assert "Slower: Movies API, cached" in measure_at(5_000, set_baseline=True)
    assert "Slower" not in measure_at(5_000)


def test_command_line_options_define_the_plan(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plans: list[tuple[Plan, Path, bool]] = []
    monkeypatch.setattr(
        command,
        "measure",
        lambda plan, output, set_baseline: plans.append((plan, output, set_baseline)),
    )
    arguments = ["--movies", "20,300", "--rounds", "2", "--output", str(tmp_path), "--set-baseline"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert CliRunner().invoke(app, []).exit_code == 0
    (small, folder, set_baseline), (whole, *_) = plans
    assert (small.sizes, small.rounds, small.reference_movies) == ((20, 300), 2, 300)
    assert (folder, set_baseline) == (tmp_path, True)
    assert (whole.sizes, whole.reference_movies) == ((100, 10_000, 1_000_000), 10_000)


@pytest.mark.parametrize("sizes", ["", "19", "many", "300,20", "20,20"])
def test_rejects_invalid_sizes(sizes: str) -> None:
    done = CliRunner().invoke(app, ["--movies", sizes])
    assert done.exit_code == 2
    assert done.stderr == (
        "Error: --movies: pass ascending numbers of at least 20, separated by commas.\n"
    )


def test_reports_a_failed_request_to_a_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(_experiment: Experiment) -> Results:
        raise requests.ConnectionError("gone")

    monkeypatch.setattr(Experiment, "run", fail)
    done = CliRunner().invoke(app, ["--output", str(tmp_path)])
    assert done.exit_code == 1
    assert done.stderr.endswith("Error: A request to a server failed: gone\n")


def test_sends_one_request_per_round_for_a_slow_read(stand_in: Server) -> None:
    announced: list[str] = []
    workload = Workload(
        target="service",
        movies=0,
        read=Read.FIRST_PAGE,
        server=stand_in,
        paths=["/movies"],
        connections=4,
        headers=["If-None-Match: *"],
    )
    generator = LoadGenerator("own client", None)
    (measurement,) = compare(
        [workload], generator, rounds=2, seconds=1e-6, advance=announced.append
    )
    assert (measurement.is_slow, measurement.errors, list(measurement.latency_us)) == (
        True,
        0,
        ["50"],
    )
    assert announced == ["service, 0 movies, first page"] * 2


@pytest.mark.integration
def test_fills_the_cache_until_it_evicts_responses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, migrated_file: Path
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("MOVIES_CACHE_MAX_ENTRIES", "3")
    with TargetFactory(tmp_path, None).service(f"sqlite:///{migrated_file}", "on") as server:
        memory = measure_memory(server, 1_000, fills_cache=True)
    assert memory.is_cache_full
    assert memory.resident_bytes > 2**20


def test_runs_without_nginx(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("common.benchmark.targets.NGINX_FOLDERS", "")
    with ExitStack() as stack:
        whole = Experiment(PLAN, tmp_path, ProgressBar("Benchmark", "measurements"))
        assert whole._static_limits(stack, TargetFactory(tmp_path, None), {}, 20) == []


def test_limits_the_wait_for_an_idle_server(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []

    def is_always_busy(_process: psutil.Process, seconds: float) -> float:
        looks.append(seconds)
        return 100.0

    monkeypatch.setattr("common.benchmark.measurement._SETTLE_MAX_SECONDS", 0.01)
    monkeypatch.setattr(psutil.Process, "cpu_percent", is_always_busy)
    _wait_until_idle(os.getpid())
    assert looks


def test_sends_one_request_if_the_load_gets_no_response(
    monkeypatch: pytest.MonkeyPatch, stand_in: Server
) -> None:
    empty = Load(0, 1.0, 0, {"50": 0})
    monkeypatch.setattr(LoadGenerator, "run", lambda *_args, **_kwargs: empty)
    workload = Workload(
        target="raw", movies=0, read="page", server=stand_in, paths=["/"], connections=1
    )
    generator = LoadGenerator("own client", None)
    (measurement,) = compare(
        [workload], generator, rounds=1, seconds=5, advance=lambda _about: None
    )
    assert measurement.is_slow
    assert measurement.requests_per_second.median > 0
