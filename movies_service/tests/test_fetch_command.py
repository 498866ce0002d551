"""The commands that fetch in the background: `fetch`, `worker` and `pubsub-setup`."""

import asyncio
import datetime as dt
import io
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
from rich.console import Console

from data_fetcher.fetch_queue.deduplication_key import Wisher
from data_fetcher.fetch_queue.queue import Fetches
from data_fetcher.omdb.lookups import ImdbWish, TitleWish
from data_layer.database import Database
from data_layer.entities.fetch import Fetch, FetchQuery, FetchState
from movies_service.cli import fetch as command
from movies_service.tests.service_process import ROOT, STOP_SECONDS, emulator, running, url_of

pytestmark = pytest.mark.integration


def environment(database: Database, **settings: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if "OMDB" not in name}
    return clean | {"DATABASE_URL": url_of(database), **settings}


def run_fetch(
    database: Database, *arguments: str, text: str = "", **settings: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "movies_service", "fetch", *arguments],
        cwd=ROOT,
        env=environment(database, **settings),
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def a_worker(database: Database, **settings: str) -> Iterator[subprocess.Popen[str]]:
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
    """What it has said until it says this."""
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if text in line:
            return said
    raise AssertionError(said)


def wait_for(fetches: Fetches, state: FetchState, count: int) -> None:
    deadline = time.monotonic() + 30
    while fetches.counts().get(state, 0) < count:
        assert time.monotonic() < deadline, fetches.counts()
        time.sleep(0.05)


def test_films_are_fetched_and_what_is_not_there_is_named(
    database: Database, tmp_path: Path
) -> None:
    titles = tmp_path / "titles.txt"
    titles.write_text("Brazil\n\n  tt0078748 \n", encoding="utf-8")
    done = run_fetch(database, "Alien", "Nothing at all", "--file", str(titles))
    assert done.returncode == 3, done.stderr
    assert done.stdout == "3 of 4 films are in the catalogue.\n"
    assert "Nothing at all: The bundled emulator of OMDb has no such movie" in done.stderr
    with database.unit_of_work(is_read_only=True) as uow:
        assert len(uow.movies.find_by_title("Alien")) == 1
    again = run_fetch(database, "--json", "--file", "-", text="Alien\nBrazil\n")
    assert again.returncode == 0
    found = json.loads(again.stdout)
    assert [each["state"] for each in found] == ["fetched", "fetched"]
    assert found[0]["wish"] == {"imdb_id": None, "title": "Alien", "year": None}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Name titles or IMDb ids"),
        (["--file", "/nowhere"], "The file can't be read"),
        (["Alien", " "], "Wish 2 is no title"),
        (["x" * 501], "Wish 1 is no title"),
    ],
)
def test_what_can_not_be_wished_for_is_told_in_a_sentence(
    database: Database, arguments: list[str], said: str
) -> None:
    done = run_fetch(database, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_no_text_is_told_so(database: Database, tmp_path: Path) -> None:
    (tmp_path / "titles.txt").write_bytes(b"\xff\xfe")
    done = run_fetch(database, "--file", str(tmp_path / "titles.txt"))
    assert (done.returncode, "not text in UTF-8" in done.stderr) == (2, True)


def test_an_omdb_that_does_not_serve_is_told(database: Database) -> None:
    with emulator("--fault", "html-503") as url:
        done = run_fetch(database, "Alien", OMDB_URL=url, OMDB_API_KEY="hunter2")
    assert done.returncode == 4
    assert "Alien: OMDb has trouble at the moment." in done.stderr
    assert "hunter2" not in done.stderr + done.stdout


def a_fetch(number: int, state: FetchState, **fields: object) -> Fetch:
    now = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
    return Fetch(
        id=number,
        wish_key=bytes([number]),
        state=state,
        created_at=now,
        due_at=now,
        **fields,  # type: ignore[arg-type]  # Of any fields.
    )


def test_the_table_shows_what_is_worth_looking_at() -> None:
    known = {
        number: a_fetch(number, state, title=f"[red]Film {number}", year=1979)
        for number, state in enumerate(FetchState)
    }
    known[9] = a_fetch(9, FetchState.FAILED, imdb_id="tt0078748", error_message="Trouble.")
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(command._table(known))
    text = console.export_text()
    assert "[red]Film 0 (1979)" in text
    assert "Trouble." in text
    assert "Film 2" not in text
    assert "queued 1" in text
    assert "failed 2" in text


def test_progress_is_shown_on_a_terminal(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetches = Fetches(database.unit_of_work)
    wanted = fetches.wish([TitleWish("Alien")], Wisher())
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=80)
    monkeypatch.setattr(command, "Console", lambda **_options: console)

    async def scenario() -> list[Fetch]:
        following = asyncio.create_task(command._follow(fetches, wanted))
        await asyncio.sleep(0.6)
        await asyncio.to_thread(fetches.cancel, wanted[0].known_id)
        return await following

    done = asyncio.run(scenario())
    assert [each.state for each in done] == [FetchState.CANCELLED]
    assert "Alien" in shown.getvalue()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_stops_in_time_and_loses_nothing(database: Database, number: int) -> None:
    fetches = Fetches(database.unit_of_work)
    with emulator("--latency-ms", "300") as url:
        fetches.wish([ImdbWish(f"tt{each:07}") for each in range(200)], Wisher())
        with a_worker(database, OMDB_URL=url, OMDB_API_KEY="key") as process:
            read_until(process, "Working")
            wait_for(fetches, FetchState.NOT_FOUND, 1)
            process.send_signal(number)
            read_until(process, "Stopping worker. Press once more to exit at once.")
            assert process.wait(timeout=STOP_SECONDS) == 0
            assert "fetches were settled" in read_until(process, "Stopped")
    counts = fetches.counts()
    assert sum(counts.values()) == 200
    assert FetchState.FETCHING not in counts
    assert counts[FetchState.QUEUED] > 0


def test_a_second_signal_ends_a_worker_at_once(database: Database) -> None:
    fetches = Fetches(database.unit_of_work)
    fetches.wish([TitleWish("Alien")], Wisher())
    with (
        emulator("--fault", "hang") as url,
        a_worker(database, OMDB_URL=url, OMDB_API_KEY="key") as process,
    ):
        wait_for(fetches, FetchState.FETCHING, 1)
        process.send_signal(signal.SIGINT)
        read_until(process, "Press once more")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=2) == 130
    (fetch,) = fetches.list(FetchQuery())
    assert fetch.state is FetchState.FETCHING


def test_a_worker_beside_the_service_fetches_what_is_wished_for(
    database: Database, tmp_path: Path
) -> None:
    url = url_of(database)
    settings = {"MOVIES_FETCH_ENGINE": "workers", "MOVIES_SEED": "off", "DATABASE_URL": url}
    with running(tmp_path, **settings) as service:
        at = service.url()
        wishes = {"wishes": ["Alien", "Nothing at all"]}
        made = requests.post(f"{at}/fetches", json=wishes, timeout=20).json()["fetches"]
        waiting = requests.get(at + made[0]["self_url"], headers={"Prefer": "wait=1"}, timeout=20)
        assert waiting.json()["state"] == "queued"
        with a_worker(database):
            states = [
                requests.get(at + each["self_url"], headers={"Prefer": "wait=20"}, timeout=30)
                for each in made
            ]
    assert [each.json()["state"] for each in states] == ["fetched", "not_found"]


def test_a_service_that_is_killed_goes_on_with_its_wishes(
    database: Database, tmp_path: Path
) -> None:
    url = url_of(database)
    fetches = Fetches(database.unit_of_work, lease_seconds=1)
    fetches.wish([TitleWish("Alien"), TitleWish("Brazil")], Wisher())
    assert len(fetches.claim(1)) == 1  # By somebody who dies.
    with running(tmp_path, DATABASE_URL=url, MOVIES_SEED="off") as service:
        service.url()
        wait_for(fetches, FetchState.FETCHED, 2)
        assert service.stop() == 0


def test_following_ends_when_the_service_stops(database: Database, tmp_path: Path) -> None:
    url = url_of(database)
    settings = {"MOVIES_FETCH_ENGINE": "workers", "MOVIES_SEED": "off", "DATABASE_URL": url}
    with running(tmp_path, **settings) as service:
        at = service.url()
        made = requests.post(f"{at}/fetches", json={"wishes": ["Alien"]}, timeout=20).json()
        events = f"{at}{made['fetches'][0]['self_url']}/events"
        with requests.get(events, stream=True, timeout=20) as stream:
            lines = stream.iter_lines()
            assert next(lines) == b"event: fetch"
            started = time.monotonic()
            assert service.stop() == 0
            assert time.monotonic() - started < 4
            list(lines)


def test_pubsub_is_set_up_by_a_command(
    database: Database, pubsub_host: str, tmp_path: Path
) -> None:
    names = {
        "PUBSUB_EMULATOR_HOST": pubsub_host,
        "MOVIES_PUBSUB_TOPIC": "projects/command/topics/fetches",
        "MOVIES_PUBSUB_SUBSCRIPTION": "projects/command/subscriptions/workers",
    }

    def set_up(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "data_fetcher", "pubsub-setup", *arguments],
            cwd=ROOT,
            env=environment(database, **settings),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert "Set MOVIES_PUBSUB_TOPIC" in set_up().stderr
    assert "MOVIES_PUBSUB_PUSH_AUDIENCE" in set_up("--push-url", "https://x.y", **names).stderr
    made = set_up(**names)
    assert made.returncode == 0, made.stderr
    assert "Made projects/command/topics/fetches\n" in made.stdout
    assert set_up(**names).stdout == "Nothing to do: everything was there.\n"
    push = {"MOVIES_PUBSUB_PUSH_AUDIENCE": "a", "MOVIES_PUBSUB_PUSH_EMAIL": "e@x.y"}
    other = names | {"MOVIES_PUBSUB_SUBSCRIPTION": "projects/command/subscriptions/pushed"}
    assert set_up("--push-url", "https://x.y/z", **other, **push).returncode == 0
    with_worker = names | {"MOVIES_FETCH_ENGINE": "pubsub", "MOVIES_SEED": "off"}
    url = url_of(database)
    with running(tmp_path, DATABASE_URL=url, **with_worker) as service:
        at = service.url()
        with a_worker(database, **with_worker) as process:
            read_until(process, "Working")
            made_at = time.monotonic()
            body = {"wishes": ["Alien"]}
            fetch = requests.post(f"{at}/fetches", json=body, timeout=20).json()["fetches"][0]
            answer = requests.get(at + fetch["self_url"], headers={"Prefer": "wait=30"}, timeout=40)
            assert answer.json()["state"] == "fetched"
            assert time.monotonic() - made_at < 14  # It was told: it looks by itself each 15 s.
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=STOP_SECONDS) == 0
