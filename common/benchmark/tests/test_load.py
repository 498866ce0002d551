import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.benchmark.client import PERCENTILES
from common.benchmark.load import LoadGenerator, Tool, _wrk_command, installed_tool
from common.benchmark.processors import pinned_to, split_processors
from common.benchmark.servers import Server
from common.benchmark.targets import Recorded, TargetFactory
from conftest import RequireProgram

RESPONSES = {
    "/": Recorded(200, (("content-length", "2"),), b"ok"),
    "/missing": Recorded(404, (("content-length", "0"),), b""),
    "/not-modified": Recorded(304, (), b""),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with TargetFactory(tmp_path_factory.mktemp("targets"), None).raw_asgi(RESPONSES) as server:
        yield server


@pytest.fixture(params=["wrk", "own client"])
def generator(request: pytest.FixtureRequest, require_program: RequireProgram) -> LoadGenerator:
    tool: Tool = request.param
    if tool == "wrk":
        require_program(tool)
    return LoadGenerator(tool, split_processors()[1])


@pytest.mark.integration
def test_measures_throughput_and_latency(generator: LoadGenerator, server: Server) -> None:
    load = generator.run(server.url, ["/", "/not-modified"], seconds=0.3, connections=4)
    assert load.errors == 0
    assert load.requests_per_second == load.requests / load.seconds > 100
    latencies = list(load.latency_us.values())
    assert latencies == sorted(latencies)
    assert list(load.latency_us) == [f"{percentile:g}" for percentile in PERCENTILES]
    assert 10 < load.latency_us["50"] < 1e6


@pytest.mark.integration
def test_counts_error_responses(generator: LoadGenerator, server: Server) -> None:
    load = generator.run(server.url, ["/missing"], seconds=0.3, connections=1)
    assert load.errors == load.requests > 0


@pytest.mark.integration
def test_sends_the_given_headers(generator: LoadGenerator, server: Server) -> None:
    load = generator.run(
        server.url, ["/"], seconds=0.3, connections=1, headers=["If-None-Match: *", "X-Two: 2"]
    )
    assert load.errors == 0
    assert load.requests > 10


@pytest.mark.integration
def test_counts_connections_closed_by_the_server(server: Server) -> None:
    load = LoadGenerator("own client", None).run(
        server.url, ["/"], seconds=0.3, connections=2, headers=["Connection: close"]
    )
    assert load.requests == load.errors == 2


def test_prefers_the_faster_tool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert installed_tool() == "own client"
    wrk = tmp_path / "wrk"
    wrk.write_text("#!/bin/sh\n")
    wrk.chmod(0o755)
    assert installed_tool() == "wrk"
    command = _wrk_command("http://h", "paths", 2, 0.1, ["A: b"])
    assert command[:4] == ["wrk", "-t1", "-c2", "-d1s"]
    assert command[-5:] == ["-H", "A: b", "http://h", "--", "paths"]


def test_assigns_separate_processors_to_server_and_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {5, 3, 4}, raising=False)
    assert split_processors() == (frozenset({3}), frozenset({4}))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {3})
    assert split_processors() == (None, None)
    monkeypatch.delattr(os, "sched_getaffinity")
    assert split_processors() == (None, None)


def test_restores_the_processors_after_the_context(monkeypatch: pytest.MonkeyPatch) -> None:
    pinned: list[set[int]] = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {3, 4}, raising=False)
    monkeypatch.setattr(
        os,
        "sched_setaffinity",
        lambda _pid, processors: pinned.append(set(processors)),
        raising=False,
    )
    with pinned_to(frozenset({4})):
        assert pinned == [{4}]
    with pinned_to(None):
        pass
    assert pinned == [{4}, {3, 4}]
