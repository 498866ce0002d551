import sys
from pathlib import Path

import pytest
import requests

from common.benchmark import servers
from common.benchmark.commands import BenchmarkFailed, run_command
from common.benchmark.servers import served
from common.benchmark.targets import Arena, Recorded
from conftest import RequireProgram

pytestmark = pytest.mark.integration

SERVER = """
import http.server, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind="127.0.0.1")
"""


def test_stops_a_server_that_does_not_want_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(servers, "_STOP_SECONDS", 0.2)
    with served(
        lambda port: [sys.executable, "-c", SERVER, str(port)], "/", tmp_path / "log"
    ) as server:
        assert requests.get(server.url, timeout=5).ok
    with pytest.raises(requests.ConnectionError):
        requests.get(server.url, timeout=5)


def test_says_why_a_server_does_not_start(tmp_path: Path) -> None:
    with (
        pytest.raises(BenchmarkFailed, match=r"does not answer: .*No such file"),
        served(lambda _port: ["cat", "/nowhere"], "/", tmp_path / "log"),
    ):
        pass


def test_gives_up_on_a_server_that_answers_with_errors(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(servers, "START_SECONDS", 1)
    with (
        pytest.raises(BenchmarkFailed, match="does not answer"),
        served(
            lambda port: [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"],
            "/no-such-file",
            tmp_path / "log",
        ),
    ):
        pass


def test_says_why_a_command_failed() -> None:
    assert run_command(["sh", "-c", "echo $WORD"], {"WORD": "done"}) == "done\n"
    with pytest.raises(BenchmarkFailed, match="ended with 3: because"):
        run_command(["sh", "-c", "echo because; exit 3"])


def test_nginx_serves_what_the_service_answered(
    require_program: RequireProgram, tmp_path: Path
) -> None:
    require_program("nginx")
    body = b'{"movies":[]}'
    with Arena(tmp_path, None).nginx({"/page.json": Recorded(200, (), body)}) as server:
        answer = requests.get(f"{server.url}/page.json", timeout=5)
    assert answer.content == body
    assert answer.headers["Content-Type"] == "application/json"
