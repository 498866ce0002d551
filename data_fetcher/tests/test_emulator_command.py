import os
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest
from typer.testing import CliRunner

from data_fetcher.emulator.__main__ import app
from data_fetcher.emulator.faults import FAULTS

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


def test_serves_until_a_signal_stops_it() -> None:
    command = [sys.executable, "-m", "data_fetcher.emulator", "--port", "0", "--latency-ms", "1"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        with urllib.request.urlopen(f"{url}?apikey=k&t=Alien") as response:
            assert b'"imdbID": "tt0078748"' in response.read()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) == 0


def test_runs_in_the_calling_process() -> None:
    stop = threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT])
    stop.start()
    result = CliRunner().invoke(app, ["--port", "0", "--fault", "hang", "--fault-for", "Alien"])
    stop.join()
    assert result.exit_code == 0
    assert "OMDb emulator with" in result.output
    assert "curl" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fault", "meteor"], "There is no such fault"),
        (["--movies", "missing.json"], "missing.json"),
        (["--host", "192.0.2.1", "--port", "0"], "choose another port"),
    ],
)
def test_invalid_arguments_are_reported_without_a_traceback(
    arguments: list[str], message: str
) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


def test_help_names_every_fault() -> None:
    output = "".join(CliRunner().invoke(app, ["--help"], terminal_width=200).output.split())
    assert [name for name in FAULTS if name not in output.replace("│", "")] == []
