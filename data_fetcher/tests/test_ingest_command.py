"""Command `ingest` as a process: complete, stopped, killed, and several at once."""

import json
import signal
import subprocess
import time
from pathlib import Path

import boto3
import pytest

from common.tests.in_process import run_in_process
from data_fetcher.cli.app import app
from data_fetcher.ingest.bootstrap import lock_name
from data_fetcher.tests.ingest_soak import (
    IngestSoakPlan,
    files_in,
    ingest_command,
    ingest_environment,
    plain,
    soak_ingest,
)
from data_layer.database import Database
from data_layer.entities.movie_query import MovieQuery

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
STOP_SECONDS = 8
"""Time limit that README promises."""

PLAN = IngestSoakPlan(objects=80, invalid=6, kills=4)
"""Short form; `make soak-ingest` has 390 objects and 25 kills."""


def run(database: Database, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return run_in_process(app, ["ingest", *arguments], ingest_environment(database, **more))


def drop(folder: Path, **objects: object) -> None:
    folder.mkdir(exist_ok=True)
    for name, content in objects.items():
        (folder / f"{name}.json").write_text(json.dumps(content))


def test_ingests_a_folder_and_reports_the_results(database: Database, tmp_path: Path) -> None:
    folder = tmp_path / "drop"
    drop(folder, a={"title": "Alien"}, b={"title": 5})
    dry_run = run(database, "--source", f"dir:{folder}", "--dry-run")
    assert (dry_run.returncode, len(list(folder.iterdir()))) == (3, 2)
    assert "a.json: added 1" in dry_run.stderr
    assert "b.json, line 1: title: Input should be a valid string." in dry_run.stderr
    assert "Objects would be ingested: 2, of which rejected: 1. Movies added: 1;" in (
        dry_run.stdout
    )
    done = run(database, "--once", "--json", MOVIES_INGEST_SOURCE=f"dir:{folder}")
    assert done.returncode == 3
    report = json.loads(done.stdout)
    assert 0 < report.pop("seconds") < 60
    assert report == {
        "objects": 2,
        "applied": 1,
        "partial": 0,
        "rejected": 1,
        "updates": {
            "added": 1,
            "changed": 0,
            "removed": 0,
            "unchanged": 0,
            "stale": 0,
            "rejected": 1,
        },
        "remaining_keys": [],
    }
    assert "1 movies, 1 rejected" in done.stderr
    assert files_in(folder) == ["rejected/b.json", "rejected/b.json.report.json"]
    again = run(database, "--source", f"dir:{folder}", "--once")
    assert (again.returncode, again.stdout.startswith("Objects ingested: 0")) == (0, True)


def test_ingests_a_bucket(database: Database, bucket: str) -> None:
    client = boto3.client("s3")
    for number in range(30):
        body = json.dumps({"title": f"Movie {number}"})
        client.put_object(Bucket=bucket, Key=f"movies/{number}.json", Body=body)
    client.put_object(Bucket=bucket, Key="movies/bad.json", Body="nonsense")
    client.put_object(Bucket=bucket, Key="movies/a\x1fb.json", Body="{}")
    done = run(database, "--source", f"s3://{bucket}/movies", "--once")
    assert done.returncode == 3, done.stderr
    assert "Their keys: a\\x1fb.json" in done.stderr
    listed = client.list_objects_v2(Bucket=bucket)["Contents"]
    assert sorted(plain(each["Key"]) for each in listed) == [
        "movies/a\x1fb.json",
        "movies/rejected/bad.json",
        "movies/rejected/bad.json.report.json",
    ]
    with database.unit_of_work(is_read_only=True) as uow:
        assert uow.movies.list(MovieQuery(counts_total=True)).total == 30


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        ([], 2, "Error: No ingest source: pass --source with dir:/path"),
        (["--source", "dir:/not/there"], 2, "Error: The folder with updates does not exist"),
        (["--source", "ftp://x"], 2, "Error: The ingest source must be dir:/path"),
    ],
)
def test_reports_an_invalid_source(
    database: Database, arguments: list[str], exit_code: int, message: str
) -> None:
    done = run(database, "--once", *arguments)
    assert (done.returncode, message in done.stderr) == (exit_code, True), done.stderr


def test_rejects_a_folder_that_contains_the_database(database: Database, tmp_path: Path) -> None:
    done = run(database, "--once", "--source", f"dir:{tmp_path}")
    assert done.returncode == 2
    assert "The database file is inside the ingest folder" in done.stderr
    assert (tmp_path / "movies.db").exists()


def test_reports_an_unavailable_bucket(database: Database, bucket: str) -> None:
    done = run(database, "--source", f"s3://{bucket}-other", "--once")
    assert (done.returncode, "Error: The bucket does not exist" in done.stderr) == (4, True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_ingests_new_objects_until_it_is_stopped(
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


def test_a_second_signal_ends_the_process_at_once(database: Database, tmp_path: Path) -> None:
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
            uow.movies.remove_many([0])  # Other writers wait for this transaction.
            drop(folder, a={"title": "Alien"})
            time.sleep(4)  # It scans every second, and then waits for the write lock.
            process.send_signal(signal.SIGINT)
            assert "Press once more" in process.stderr.readline()
            process.send_signal(signal.SIGINT)
            assert process.wait(STOP_SECONDS) == 130
    assert (folder / "a.json").exists()


def test_waits_for_the_lock_of_another_worker_and_can_be_stopped(
    database: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "drop"
    drop(folder, a={"title": "Alien"})
    url = f"dir:{folder}"
    with database.try_lock(lock_name(url)) as is_ours:
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
            assert "Error: Interrupted before completion" in process.stderr.read()
    assert run(database, "--source", url, "--once").returncode == 0


def wait_until_empty(folder: Path) -> None:
    end = time.monotonic() + 30
    while any(path.is_file() for path in folder.iterdir()):
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.kills
def test_killed_workers_neither_lose_nor_repeat_updates(
    any_database: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    result = soak_ingest(any_database, folder, PLAN)
    assert result.is_clean, result
