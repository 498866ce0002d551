"""Tests of the commands `fetch`, `worker` and `pubsub-setup`."""

import asyncio
import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from common.tests.in_process import run_in_process
from data_fetcher.cli.app import app as data_fetcher_app
from data_fetcher.emulator.server import EmulatorOptions
from data_fetcher.fetch_queue.deduplication_key import Requester
from data_fetcher.fetch_queue.queue import FetchQueue
from data_fetcher.omdb.lookups import ImdbIdLookup, TitleLookup
from data_fetcher.tests.emulator_thread import emulator
from data_layer.database import Database
from data_layer.entities.fetch import Fetch, FetchQuery, FetchState
from movies_service.cli import fetch as command
from movies_service.cli.app import app as movies_service_app
from movies_service.tests.service_process import ROOT, STOP_SECONDS, running, url_of

pytestmark = pytest.mark.integration


def environment(database: Database, **settings: str) -> dict[str, str]:
    """Return the environment of a command on a database, without settings for OMDb."""
    clean = {name: value for name, value in os.environ.items() if "OMDB" not in name}
    return clean | {"DATABASE_URL": url_of(database), **settings}


def run_fetch(
    database: Database, *arguments: str, text: str = "", **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run the command `fetch` to its end, with `text` as standard input."""
    return run_in_process(
        movies_service_app, ["fetch", *arguments], environment(database, **settings), text
    )


@contextmanager
def running_worker(database: Database, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """Run a worker process within the context."""
    with subprocess.Popen(
        [sys.executable, "-m", "data_fetcher", "worker"],
        cwd=ROOT,
        env=environment(database, **settings),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Return the standard error of a process up to the first line that contains `text`."""
    assert process.stderr is not None
    read = ""
    for line in process.stderr:
        read += line
        if text in line:
            return read
    raise AssertionError(read)


def wait_for(fetches: FetchQueue, state: FetchState, count: int) -> None:
    """Wait until `count` fetches are in a state, at most 30 seconds."""
    deadline = time.monotonic() + 30
    while fetches.counts().get(state, 0) < count:
        assert time.monotonic() < deadline, fetches.counts()
        time.sleep(0.05)


def test_fetches_movies_and_names_the_missing_ones(database: Database, tmp_path: Path) -> None:
    titles = tmp_path / "titles.txt"
    titles.write_text("Brazil\n\n  tt0078748 \n", encoding="utf-8")
    done = run_fetch(database, "Alien", "Nothing at all", "--file", str(titles))
    assert done.returncode == 3, done.stderr
    assert done.stdout == "3 of 4 movies are in the catalogue.\n"
    assert "Nothing at all: The bundled emulator of OMDb has no such movie" in done.stderr
    with database.unit_of_work(is_read_only=True) as uow:
        assert len(uow.movies.find_by_title("Alien")) == 1
    again = subprocess.run(
        [sys.executable, "-m", "movies_service", "fetch", "--json", "--file", "-"],
        cwd=ROOT,
        env=environment(database),
        input="Alien\nBrazil\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert again.returncode == 0
    found = json.loads(again.stdout)
    assert [each["state"] for each in found] == ["fetched", "fetched"]
    assert found[0]["requested"] == {"imdb_id": None, "title": "Alien", "year": None}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Name titles or IMDb ids"),
        (["--file", "/nowhere"], "The file cannot be read"),
        (["Alien", " "], "Movie 2 is not a valid title"),
        (["x" * 501], "Movie 1 is not a valid title"),
    ],
)
def test_reports_invalid_input_in_one_sentence(
    database: Database, arguments: list[str], message: str
) -> None:
    done = run_fetch(database, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_rejects_a_file_that_is_not_utf_8(database: Database, tmp_path: Path) -> None:
    (tmp_path / "titles.txt").write_bytes(b"\xff\xfe")
    done = run_fetch(database, "--file", str(tmp_path / "titles.txt"))
    assert (done.returncode, "not text in UTF-8" in done.stderr) == (2, True)


def test_reports_errors_of_omdb(database: Database) -> None:
    with emulator(EmulatorOptions(fault="html-503")) as url:
        done = run_fetch(database, "Alien", OMDB_URL=url, OMDB_API_KEY="hunter2")
    assert done.returncode == 4
    assert "Alien: OMDb returned an error; retry later." in done.stderr
    assert "hunter2" not in done.stderr + done.stdout


def new_fetch(number: int, state: FetchState, **fields: object) -> Fetch:
    """Return a fetch with this id and state."""
    now = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
    return Fetch(
        id=number,
        deduplication_key=bytes([number]),
        state=state,
        created_at=now,
        due_at=now,
        **fields,  # type: ignore[arg-type]  # Fields of several types.
    )


class FinishingQueue:
    """Fetch queue in which a fetch is finished when it is read for the second time."""

    def __init__(self, *states: FetchState) -> None:
        self._states = list(states)

    def get_many(self, fetch_ids: list[int]) -> list[Fetch]:
        return [new_fetch(number, self._states.pop(0)) for number in fetch_ids]


def test_shows_the_number_of_fetches_in_each_state(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "POLL_SECONDS", 0)
    fetches = [new_fetch(1, FetchState.FETCHED), new_fetch(2, FetchState.QUEUED)]
    queue = FinishingQueue(FetchState.FETCHING, FetchState.NOT_FOUND)
    done = asyncio.run(command._follow(queue, fetches))  # type: ignore[arg-type]  # See above.
    assert [each.state for each in done] == [FetchState.FETCHED, FetchState.NOT_FOUND]
    assert capsys.readouterr().err == "Fetching: 2/2 movies  fetched 1, not found 1\n"


def test_a_worker_that_fails_ends_the_command() -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    async def follow() -> list[Fetch]:
        await asyncio.Event().wait()
        return []

    async def run() -> None:
        await command._unless_failed(asyncio.create_task(fail()), follow())

    with pytest.raises(ZeroDivisionError):
        asyncio.run(run())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_stops_in_time_and_requeues_unfinished_fetches(
    database: Database, number: int
) -> None:
    fetches = FetchQueue(database.unit_of_work)
    with emulator(EmulatorOptions(latency_ms=300)) as url:
        fetches.enqueue([ImdbIdLookup(f"tt{each:07}") for each in range(200)], Requester())
        with running_worker(database, OMDB_URL=url, OMDB_API_KEY="key") as process:
            read_until(process, "Working")
            wait_for(fetches, FetchState.NOT_FOUND, 1)
            process.send_signal(number)
            read_until(process, "Stopping worker. Press once more to exit at once.")
            assert process.wait(timeout=STOP_SECONDS) == 0
            assert "fetches were processed" in read_until(process, "Stopped")
    counts = fetches.counts()
    assert sum(counts.values()) == 200
    assert FetchState.FETCHING not in counts
    assert counts[FetchState.QUEUED] > 0


def test_a_second_signal_stops_a_worker_immediately(database: Database) -> None:
    fetches = FetchQueue(database.unit_of_work)
    fetches.enqueue([TitleLookup("Alien")], Requester())
    with (
        emulator(EmulatorOptions(fault="hang")) as url,
        running_worker(database, OMDB_URL=url, OMDB_API_KEY="key") as process,
    ):
        wait_for(fetches, FetchState.FETCHING, 1)
        process.send_signal(signal.SIGINT)
        read_until(process, "Press once more")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=2) == 130
    (fetch,) = fetches.list(FetchQuery())
    assert fetch.state is FetchState.FETCHING


def test_a_worker_process_fetches_the_requests_of_a_service(
    database: Database, tmp_path: Path
) -> None:
    url = url_of(database)
    settings = {"MOVIES_FETCH_BACKEND": "workers", "MOVIES_SEED": "off", "DATABASE_URL": url}
    with running(tmp_path, **settings) as service:
        at = service.url()
        lookups = {"movies": ["Alien", "Nothing at all"]}
        queued = requests.post(f"{at}/fetches", json=lookups, timeout=20).json()["fetches"]
        waiting = requests.get(at + queued[0]["self_url"], headers={"Prefer": "wait=1"}, timeout=20)
        assert waiting.json()["state"] == "queued"
        with running_worker(database):
            states = [
                requests.get(at + each["self_url"], headers={"Prefer": "wait=20"}, timeout=30)
                for each in queued
            ]
    assert [each.json()["state"] for each in states] == ["fetched", "not_found"]


def test_a_restarted_service_completes_fetches_after_their_lease_expired(
    database: Database, tmp_path: Path
) -> None:
    url = url_of(database)
    fetches = FetchQueue(database.unit_of_work, lease_seconds=1)
    fetches.enqueue([TitleLookup("Alien"), TitleLookup("Brazil")], Requester())
    assert len(fetches.claim(1)) == 1  # The process that claimed it has died.
    with running(tmp_path, DATABASE_URL=url, MOVIES_SEED="off") as service:
        service.url()
        wait_for(fetches, FetchState.FETCHED, 2)
        assert service.stop() == 0


def test_event_streams_end_when_the_service_stops(database: Database, tmp_path: Path) -> None:
    url = url_of(database)
    settings = {"MOVIES_FETCH_BACKEND": "workers", "MOVIES_SEED": "off", "DATABASE_URL": url}
    with running(tmp_path, **settings) as service:
        at = service.url()
        queued = requests.post(f"{at}/fetches", json={"movies": ["Alien"]}, timeout=20).json()
        events = f"{at}{queued['fetches'][0]['self_url']}/events"
        with requests.get(events, stream=True, timeout=20) as stream:
            lines = stream.iter_lines()
            assert next(lines) == b"event: fetch"
            started = time.monotonic()
            assert service.stop() == 0
            assert time.monotonic() - started < 4
            list(lines)


def test_pubsub_setup_creates_topic_and_subscription(
    database: Database, pubsub_host: str, tmp_path: Path
) -> None:
    names = {
        "PUBSUB_EMULATOR_HOST": pubsub_host,
        "MOVIES_PUBSUB_TOPIC": "projects/command/topics/fetches",
        "MOVIES_PUBSUB_SUBSCRIPTION": "projects/command/subscriptions/workers",
    }

    def run_setup(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        chosen = environment(database, **settings)
        return run_in_process(data_fetcher_app, ["pubsub-setup", *arguments], chosen)

    assert "Set MOVIES_PUBSUB_TOPIC" in run_setup().stderr
    push_url = ("--push-url", "https://x.y")
    assert "MOVIES_PUBSUB_PUSH_AUDIENCE" in run_setup(*push_url, **names).stderr
    created = run_setup(**names)
    assert created.returncode == 0, created.stderr
    assert "Created projects/command/topics/fetches\n" in created.stdout
    assert run_setup(**names).stdout == "Nothing to do: topics and subscriptions exist.\n"
    push = {"MOVIES_PUBSUB_PUSH_AUDIENCE": "a", "MOVIES_PUBSUB_PUSH_EMAIL": "e@x.y"}
    other = names | {"MOVIES_PUBSUB_SUBSCRIPTION": "projects/command/subscriptions/pushed"}
    assert run_setup("--push-url", "https://x.y/z", **other, **push).returncode == 0
    with_worker = names | {"MOVIES_FETCH_BACKEND": "pubsub", "MOVIES_SEED": "off"}
    url = url_of(database)
    with running(tmp_path, DATABASE_URL=url, **with_worker) as service:
        at = service.url()
        with running_worker(database, **with_worker) as process:
            read_until(process, "Working")
            started = time.monotonic()
            body = {"movies": ["Alien"]}
            fetch = requests.post(f"{at}/fetches", json=body, timeout=20).json()["fetches"][0]
            found = requests.get(at + fetch["self_url"], headers={"Prefer": "wait=30"}, timeout=40)
            assert found.json()["state"] == "fetched"
            # The message woke the worker up: it polls the database only every 15 seconds.
            assert time.monotonic() - started < 14
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=STOP_SECONDS) == 0
