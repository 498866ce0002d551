import io
import json
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import requests
from rich.console import Console
from typer.testing import CliRunner

from common.benchmark import __main__ as command
from common.benchmark import measurement as cells
from common.benchmark.__main__ import app, measure
from common.benchmark.experiment import Experiment
from common.benchmark.load import Load, LoadGenerator
from common.benchmark.measurement import Question, compare
from common.benchmark.memory import measure_memory
from common.benchmark.progress import ExperimentProgress
from common.benchmark.results import CACHED, NGINX, NOT_MODIFIED, RAW_ASGI, Plan, Results
from common.benchmark.targets import Arena, Recorded
from common.benchmark.tests.conftest import MakeResults
from common.benchmark.workload import Read

ROOT = Path(__file__).parents[3]
PLAN = Plan(
    sizes=(20,),
    rounds=1,
    seconds=0.05,
    connections=4,
    tool="own client",
    seeding_latency_ms=1,
    bare_films=100,
)


@pytest.mark.integration
def test_measures_everything_and_writes_it_down(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    kept: list[Results] = []
    run = Experiment.run

    def run_and_keep(experiment: Experiment) -> Results:
        kept.append(run(experiment))
        return kept[-1]

    monkeypatch.setattr(Experiment, "run", run_and_keep)
    measure(PLAN, tmp_path / "out", set_baseline=False)
    (results,) = kept
    assert [cell for cell in results.cells if cell.errors] == []
    assert {cell.contender for cell in results.cells} >= {CACHED, RAW_ASGI}
    assert (NGINX in {cell.contender for cell in results.cells}) is not bool(results.missing)
    assert results.by_question[CACHED, 20, NOT_MODIFIED, 4].requests_per_second.median > 0
    assert {memory.is_cache_full for memory in results.memory} == {False}
    assert all(memory.cache_bytes > 0 for memory in results.memory)
    assert [filling.films for filling in results.fillings] == [100, 20]
    written = {file.name: file.read_text() for file in (tmp_path / "out").iterdir()}
    assert set(written) == {"results.json", "report.html", "chart.svg", "baseline.json"}
    assert json.loads(written["results.json"])["plan"]["sizes"] == [20]
    shown = capsys.readouterr()
    assert "cached page" in shown.out
    assert "Comparing" in shown.err


def test_compares_with_the_baseline_and_replaces_it_when_told(
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


def test_the_command_line_makes_the_plan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plans: list[tuple[Plan, Path, bool]] = []
    monkeypatch.setattr(
        command,
        "measure",
        lambda plan, output, set_baseline: plans.append((plan, output, set_baseline)),
    )
    arguments = ["--films", "20,300", "--rounds", "2", "--output", str(tmp_path), "--set-baseline"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert CliRunner().invoke(app, []).exit_code == 0
    (small, folder, set_baseline), (whole, *_) = plans
    assert (small.sizes, small.rounds, small.reference_films) == ((20, 300), 2, 300)
    assert (folder, set_baseline) == (tmp_path, True)
    assert (whole.sizes, whole.reference_films) == ((100, 10_000, 1_000_000), 10_000)


@pytest.mark.parametrize("sizes", ["", "19", "many", "300,20", "20,20"])
def test_sizes_that_make_no_sense_are_refused(sizes: str) -> None:
    done = CliRunner().invoke(app, ["--films", sizes])
    assert done.exit_code == 2
    assert done.stderr == "Error: --films: give rising numbers of 20 and more.\n"


def test_a_server_that_fails_ends_the_command_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(_experiment: Experiment) -> Results:
        raise requests.ConnectionError("gone")

    monkeypatch.setattr(Experiment, "run", fail)
    done = CliRunner().invoke(app, ["--output", str(tmp_path)])
    assert done.exit_code == 1
    assert done.stderr.endswith("Error: A server did not answer as it has to: gone\n")


@pytest.mark.integration
def test_a_slow_read_is_asked_once_a_round(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, migrated_file: Path
) -> None:
    monkeypatch.chdir(ROOT)
    asked: list[str] = []
    with Arena(tmp_path, None).service(f"sqlite:///{migrated_file}", "off") as server:
        question = Question(
            contender="service",
            films=0,
            read=Read.FIRST_PAGE,
            server=server,
            paths=["/movies"],
            connections=4,
            headers=["If-None-Match: *"],
        )
        generator = LoadGenerator("own client", None)
        (cell,) = compare([question], generator, rounds=2, seconds=1e-6, advance=asked.append)
    assert (cell.is_slow, cell.errors, list(cell.latency_us)) == (True, 0, ["50"])
    assert asked == ["service, 0 films, first page"] * 2


@pytest.mark.integration
def test_fills_the_cache_until_it_throws_answers_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, migrated_file: Path
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("MOVIES_CACHE_MAX_ENTRIES", "3")
    with Arena(tmp_path, None).service(f"sqlite:///{migrated_file}", "on") as server:
        memory = measure_memory(server, 1_000, fills_cache=True)
    assert memory.is_cache_full
    assert memory.resident_bytes > 2**20


def test_does_without_nginx(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("common.benchmark.targets.NGINX_FOLDERS", "")
    with ExitStack() as stack:
        progress = stack.enter_context(closing(ExperimentProgress(Console(file=io.StringIO()))))
        experiment = Experiment(PLAN, tmp_path, progress)
        assert experiment._static_limits(stack, Arena(tmp_path, None), {}, 20) == []


def test_does_not_wait_for_ever_until_a_server_is_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "_SETTLE_MAX_SECONDS", 0.2)
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        started = time.monotonic()
        cells._wait_until_idle(busy.pid)
        assert time.monotonic() - started >= 0.2
        busy.kill()


@pytest.mark.integration
def test_a_read_that_no_load_gets_an_answer_of_is_asked_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    empty = Load(0, 1.0, 0, {"50": 0})
    monkeypatch.setattr(LoadGenerator, "run", lambda *_args, **_kwargs: empty)
    answers = {"/": Recorded(200, (("content-length", "2"),), b"ok")}
    with Arena(tmp_path, None).raw_asgi(answers) as server:
        question = Question(
            contender="raw", films=0, read="page", server=server, paths=["/"], connections=1
        )
        generator = LoadGenerator("own client", None)
        (cell,) = compare([question], generator, rounds=1, seconds=5, advance=lambda _about: None)
    assert cell.is_slow
    assert cell.requests_per_second.median > 0


def test_the_progress_on_a_terminal_is_a_bar() -> None:
    shown = io.StringIO()
    console = Console(force_terminal=True, file=shown, width=100)
    with closing(ExperimentProgress(console)) as progress:
        progress.stage("Filling")
        progress.begin_rounds(2)
        progress.advance("One")
    assert "One" in shown.getvalue()
