import json
import socket
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

from common.benchmark import __main__ as command
from common.benchmark import fetching
from common.benchmark.__main__ import app
from common.benchmark.commands import BenchmarkFailed
from common.benchmark.fetching import FetchingPlan, FetchingResults

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
QUICK = ("--movies", "30", "--rounds", "1", "--latency-ms", "1")


@pytest.fixture(autouse=True)
def short_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the reads, whose results the tests do not check."""
    monkeypatch.setattr(fetching, "_READ_SECONDS", 0.2)


def test_measures_a_worker_and_concurrent_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = CliRunner().invoke(app, ["fetching", *QUICK, "--json"])
    assert done.exit_code == 0, done.stderr
    results = json.loads(done.stdout)
    assert results["kind"] == "sqlite"
    assert all(results[name][0] > 0 for name in ("seconds", "idle_us", "busy_us"))
    assert [comparison["value"] > 0 for comparison in results["comparisons"]] == [True] * 2


def test_rejects_a_database_that_is_not_empty(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    earlier = "2026-11-01T00:00:00Z"
    fetches = [dict.fromkeys(("created_at", "started_at", "finished_at"), earlier)]
    monkeypatch.setattr(fetching, "run_command", lambda *_arguments: json.dumps(fetches))
    plan = FetchingPlan(database_url="postgresql://server/movies", movies=1)
    with pytest.raises(BenchmarkFailed, match="the database was not empty"):
        fetching._fetch(plan, {}, tmp_path, 0)


def test_shows_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    results = FetchingResults("postgresql", 2, (2.0,), (100,), (150,))
    monkeypatch.setattr(command, "measure_fetching", lambda *_arguments: results)
    shown = CliRunner().invoke(app, ["fetching", *QUICK]).stdout
    assert "worker on postgresql, in the limit of OMDb's latency" in shown


def test_compares_medians_with_their_targets() -> None:
    results = FetchingResults("sqlite", 2, (2.0, 2.5, 9.0), (100, 200, 300), (150, 500, 900))
    speed, slower = results.find()
    assert (speed.value, speed.is_met) == (0.8, False)
    assert (slower.value, slower.is_met) == (2.5, False)


def test_aborts_on_an_unexpected_response() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=refuse_one, args=(server,))
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(BenchmarkFailed, match="503 Gone"):
            fetching._measure_reads(url)
        thread.join()


def refuse_one(server: socket.socket) -> None:
    """Reply to one request with a 503."""
    connection, _address = server.accept()
    with connection:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 503 Gone\r\nContent-Length: 0\r\n\r\n")


def test_reads_a_response_that_arrives_in_parts() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
        later = threading.Timer(0.05, theirs.sendall, [b"67890"])
        later.start()
        fetching._receive_response(ours)
        later.join()
        theirs.sendall(b"next")
        assert ours.recv(100) == b"next"
