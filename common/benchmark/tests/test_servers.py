import sys
from pathlib import Path

import pytest
import requests

from common.benchmark import servers
from common.benchmark.commands import BenchmarkFailed, run_command
from common.benchmark.servers import served
from common.benchmark.targets import Recorded, TargetFactory
from conftest import RequireProgram

pytestmark = pytest.mark.integration

SERVER = """
import http.server, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind="127.0.0.1")
"""


def test_kills_a_server_that_ignores_sigterm(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(servers, "_STOP_SECONDS", 0.2)
    with served(
        lambda port: [sys.executable, "-c", SERVER, str(port)], "/", tmp_path / "log"
    ) as server:
        assert requests.get(server.url, timeout=5).ok
    with pytest.raises(requests.ConnectionError):
        requests.get(server.url, timeout=5)


def test_reports_the_output_of_a_server_that_does_not_start(tmp_path: Path) -> None:
    with (
        pytest.raises(BenchmarkFailed, match=r"did not become ready: .*No such file"),
        served(lambda _port: ["cat", "/nowhere"], "/", tmp_path / "log"),
    ):
        pass


def test_limits_the_wait_for_a_server_that_responds_with_errors(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(servers, "START_SECONDS", 1)
    with (
        pytest.raises(BenchmarkFailed, match="did not become ready"),
        served(
            lambda port: [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"],
            "/no-such-file",
            tmp_path / "log",
        ),
    ):
        pass


def test_reports_the_output_of_a_failed_command() -> None:
    assert run_command(["sh", "-c", "echo $WORD"], {"WORD": "done"}) == "done\n"
    with pytest.raises(BenchmarkFailed, match="failed with exit code 3: because"):
        run_command(["sh", "-c", "echo because; exit 3"])


def test_nginx_serves_recorded_bodies(require_program: RequireProgram, tmp_path: Path) -> None:
    require_program("nginx")
    body = b'{"movies":[]}'
    with TargetFactory(tmp_path, None).nginx({"/page.json": Recorded(200, (), body)}) as server:
        response = requests.get(f"{server.url}/page.json", timeout=5)
    assert response.content == body
    assert response.headers["Content-Type"] == "application/json"
