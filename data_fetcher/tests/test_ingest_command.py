"""The command `ingest`, as operators run it: whole, stopped, killed, and several at once."""

import json
import signal
import subprocess
import time
from pathlib import Path

import boto3
import pytest

from data_fetcher.ingest.bootstrap import lock_of
from data_fetcher.tests.ingest_soak import (
    IngestSoakPlan,
    ingest_command,
    ingest_environment,
    left_in,
    plain,
    soak_ingest,
)
from data_layer.database import Database
from data_layer.entities.movie_query import MovieQuery

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
STOP_SECONDS = 8
"""What README promises."""

PLAN = IngestSoakPlan(objects=80, invalid=6, kills=4)
"""`make soak-ingest` has 390 objects and 25 kills."""


def run(database: Database, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ingest_command(*arguments),
        cwd=ROOT,
        env=ingest_environment(database, **more),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def drop(folder: Path, **objects: object) -> None:
    folder.mkdir(exist_ok=True)
    for name, content in objects.items():
        (folder / f"{name}.json").write_text(json.dumps(content))


def test_takes_in_what_is_there_and_says_what_came_of_it(
    database: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "drop"
    drop(folder, a={"title": "Alien"}, b={"title": 5})
    rehearsed = run(database, "--source", f"dir:{folder}", "--dry-run")
    assert (rehearsed.returncode, len(list(folder.iterdir()))) == (3, 2)
    assert "a.json: added 1" in rehearsed.stderr
    assert "b.json, line 1: title: Input should be a valid string." in rehearsed.stderr
    assert "Objects would be taken in: 2, of which rejected: 1. Films added: 1;" in (
        rehearsed.stdout
    )
    done = run(database, "--once", "--json", MOVIES_INGEST_SOURCE=f"dir:{folder}")
    assert done.returncode == 3
    report = json.loads(done.stdout)
    assert 0 < report.pop("seconds") < 60
    assert report == {
        "objects": 2,
        "applied": 1,
        "partly": 0,
        "rejected": 1,
        "updates": {
            "added": 1,
            "changed": 0,
            "removed": 0,
            "unchanged": 0,
            "late": 0,
            "refused": 1,
        },
    }
    assert "1 films, 1 refused" in done.stderr
    assert left_in(folder) == ["rejected/b.json", "rejected/b.json.report.json"]
    again = run(database, "--source", f"dir:{folder}", "--once")
    assert (again.returncode, again.stdout.startswith("Objects taken in: 0")) == (0, True)


def test_takes_in_what_is_in_a_bucket(database: Database, bucket: str) -> None:
    client = boto3.client("s3")
    for number in range(30):
        body = json.dumps({"title": f"Film {number}"})
        client.put_object(Bucket=bucket, Key=f"films/{number}.json", Body=body)
    client.put_object(Bucket=bucket, Key="films/bad.json", Body="nonsense")
    done = run(database, "--source", f"s3://{bucket}/films", "--once")
    assert done.returncode == 3, done.stderr
    listed = client.list_objects_v2(Bucket=bucket)["Contents"]
    assert sorted(plain(each["Key"]) for each in listed) == [
        "films/rejected/bad.json",
        "films/rejected/bad.json.report.json",
    ]
    with database.unit_of_work(is_read_only=True) as uow:
        assert uow.movies.list(MovieQuery(counts_total=True)).total == 30


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        ([], 2, "Error: Say where updates come from: --source with dir:/path"),
        (["--source", "dir:/not/there"], 2, "Error: The folder with updates is not there"),
        (["--source", "ftp://x"], 2, "Error: Updates come from dir:/path"),
    ],
)
def test_what_can_not_be_is_told_in_a_sentence(
    database: Database, arguments: list[str], exit_code: int, message: str
) -> None:
    done = run(database, "--once", *arguments)
    assert (done.returncode, message in done.stderr) == (exit_code, True), done.stderr


def test_the_database_is_not_taken_for_an_object(database: Database, tmp_path: Path) -> None:
    done = run(database, "--once", "--source", f"dir:{tmp_path}")
    assert (done.returncode, "The database is in the folder" in done.stderr) == (2, True)
    assert (tmp_path / "movies.db").exists()


def test_a_bucket_that_does_not_serve_is_told_in_a_sentence(
    database: Database, bucket: str
) -> None:
    done = run(database, "--source", f"s3://{bucket}-other", "--once")
    assert (done.returncode, "Error: The bucket with updates" in done.stderr) == (4, True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_takes_in_what_comes_until_it_is_stopped(
    database: Database, tmp_path: Path, number: signal.Signals
) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    with subprocess.Popen(
        ingest_command("--source", f"dir:{folder}"),
        cwd=ROOT,
        env=ingest_environment(database, MOVIES_INGEST_POLL_SECONDS="1"),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert "Ctrl-C stops." in process.stderr.readline()
        drop(folder, a={"title": "Alien"})
        wait_until_empty(folder)
        process.send_signal(number)
        assert process.wait(STOP_SECONDS) == 0
        assert "Press once more to exit at once." in process.stderr.read()


def test_a_second_signal_ends_it_at_once(database: Database, tmp_path: Path) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    with subprocess.Popen(
        ingest_command("--source", f"dir:{folder}"),
        cwd=ROOT,
        env=ingest_environment(
            database, MOVIES_DATABASE_LOCK_TIMEOUT_SECONDS="60", MOVIES_INGEST_POLL_SECONDS="1"
        ),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        process.stderr.readline()
        with database.unit_of_work() as uow:
            uow.movies.remove_many([0])  # Others that write wait for this one.
            drop(folder, a={"title": "Alien"})
            time.sleep(4)  # It looks each second, and waits for its turn to write.
            process.send_signal(signal.SIGINT)
            assert "Press once more" in process.stderr.readline()
            process.send_signal(signal.SIGINT)
            assert process.wait(STOP_SECONDS) == 130
    assert (folder / "a.json").exists()


def test_while_another_worker_is_at_it_it_waits_and_can_be_stopped(
    database: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "drop"
    drop(folder, a={"title": "Alien"})
    url = f"dir:{folder}"
    with database.try_lock(lock_of(url)) as is_ours:
        assert is_ours
        with subprocess.Popen(
            ingest_command("--source", url, "--once"),
            cwd=ROOT,
            env=ingest_environment(database),
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr is not None
            assert "waiting for it" in process.stderr.readline()
            assert (folder / "a.json").exists()
            process.send_signal(signal.SIGTERM)
            assert process.wait(STOP_SECONDS) == 1
            assert "Error: It was stopped before all was taken in" in process.stderr.read()
    assert run(database, "--source", url, "--once").returncode == 0


def wait_until_empty(folder: Path) -> None:
    end = time.monotonic() + 30
    while any(path.is_file() for path in folder.iterdir()):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_killed_workers_lose_nothing_and_do_nothing_twice(
    any_database: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    found = soak_ingest(any_database, folder, PLAN)
    assert found.is_clean, found
