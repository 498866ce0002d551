"""Tests of object stores in folders and in buckets of a real S3 server."""

import datetime as dt
import hashlib
import inspect
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest

from common.errors import BucketUnavailable, InvalidSetting
from data_fetcher.object_stores import folder as folder_store
from data_fetcher.object_stores.bucket import Bucket, _bare
from data_fetcher.object_stores.factory import normalized_url, open_store
from data_fetcher.object_stores.folder import Folder
from data_fetcher.object_stores.port import ObjectStore, ObjectVersion

pytestmark = pytest.mark.integration

Put = Callable[[str, bytes], None]
"""Function that writes an object as an external producer."""


@pytest.fixture(params=["folder", "bucket", "bucket without conditions"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[ObjectStore, Put]:
    """Return an empty store, and a function that writes objects to it."""
    if request.param == "folder":

        def write(key: str, content: bytes) -> None:
            path = tmp_path / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

        return open_store(f"dir:{tmp_path}"), write
    name: str = request.getfixturevalue("bucket")
    client = boto3.client("s3")

    def put(key: str, content: bytes) -> None:
        client.put_object(Bucket=name, Key=f"movies/{key}", Body=content)

    store = open_store(f"s3://{name}/movies/")
    assert isinstance(store, Bucket)
    if request.param != "bucket":
        store = Bucket(store.name, store._store)
    return store, put


def keys(store: ObjectStore) -> list[str]:
    return sorted(found.key for found in store.list(100))


def only(store: ObjectStore) -> ObjectVersion:
    (found,) = store.list(100)
    return found


def test_lists_and_reads_objects(target: tuple[ObjectStore, Put]) -> None:
    store, put = target
    assert store.list(100) == []
    put("a.json", b"first")
    put("deep/er/b.json", b"second")
    put("rejected/c.json", b"third")
    assert keys(store) == ["a.json", "deep/er/b.json"]
    found = {each.key: each for each in store.list(100)}
    assert store.read(found["deep/er/b.json"]) == b"second"
    assert found["a.json"].size_bytes == 5
    assert abs(found["a.json"].modified_at - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)
    assert len(store.list(1)) == 1


def test_deletes_an_object_only_if_it_is_unchanged(
    target: tuple[ObjectStore, Put],
) -> None:
    store, put = target
    put("a.json", b"first")
    first = only(store)
    put("a.json", b"another")
    assert not store.exists(first)
    assert store.read(first) is None
    store.delete_if_unchanged(first)
    assert store.read(only(store)) == b"another"
    assert store.exists(only(store))
    store.delete_if_unchanged(only(store))
    assert store.list(100) == []
    store.delete_if_unchanged(first)
    assert store.read(first) is None
    assert not store.exists(first)
    store.copy(first, "rejected/a.json")


def test_writes_and_copies_objects(target: tuple[ObjectStore, Put]) -> None:
    store, put = target
    put("deep/a.json", b"first")
    store.copy(only(store), "copy.json")
    store.put("new/er.report.json", b"written")
    found = {each.key: store.read(each) for each in store.list(100)}
    assert found == {
        "copy.json": b"first",
        "deep/a.json": b"first",
        "new/er.report.json": b"written",
    }


def test_lists_the_oldest_first(tmp_path: Path) -> None:
    for seconds, name in enumerate(("c", "a", "b")):
        (tmp_path / name).write_text("{}")
        os.utime(tmp_path / name, (seconds, seconds))
    assert [found.key for found in Folder(tmp_path).list(2)] == ["c", "a"]


def test_ignores_hidden_files_and_symbolic_links(tmp_path: Path) -> None:
    (tmp_path / ".part").write_text("{}")
    (tmp_path / "link").symlink_to(tmp_path / ".part")
    assert Folder(tmp_path).list(100) == []


def test_the_content_decides_whether_a_file_is_deleted(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    folder = Folder(tmp_path)
    folder.delete_if_unchanged(only(folder), hashlib.sha256(b"[]").digest())
    assert folder.read(only(folder)) == b"{}"
    folder.delete_if_unchanged(only(folder), hashlib.sha256(b"{}").digest())
    assert [*tmp_path.iterdir()] == []


def test_does_not_write_through_links(tmp_path: Path) -> None:
    outside, source = tmp_path / "outside", tmp_path / "source"
    outside.mkdir()
    (source / "rejected").mkdir(parents=True)
    (source / "rejected/deep").symlink_to(outside)
    (source / "a.json").write_text("{}")
    folder = Folder(source)
    for key in ("rejected/deep/a.json", "rejected/deep/er/a.json"):
        with pytest.raises(BucketUnavailable, match=r"has a link or a file `deep` where"):
            folder.put(key, b"{}")
        with pytest.raises(BucketUnavailable, match="rename it"):
            folder.copy(only(folder), key)
    assert [*outside.iterdir()] == []


def test_a_failed_write_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    with pytest.raises(BucketUnavailable, match="Is a directory"):
        Folder(tmp_path).put("a.json", b"{}")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_pipe_that_replaces_a_file_does_not_block(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    folder = Folder(tmp_path)
    found = only(folder)
    (tmp_path / "a.json").unlink()
    os.mkfifo(tmp_path / "a.json")
    assert folder.read(found) is None
    folder.copy(found, "copy.json")
    assert folder.list(100) == []


def test_lists_folders_of_any_depth(tmp_path: Path) -> None:
    deep = tmp_path / "/".join("d" * 200)
    deep.mkdir(parents=True)
    (deep / "a.json").write_text("{}")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 100)
    try:
        listed = Folder(tmp_path).list(100)
    finally:
        sys.setrecursionlimit(limit)
    assert [found.key for found in listed] == ["d/" * 200 + "a.json"]


def test_what_cannot_be_listed_hides_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = "/".join(["n" * 250] * 4)
    renamed = f".{'0' * 32}.a.removing"
    for path in (long, renamed, "unreadable", "removed"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "a.json").write_text("{}")
    scandir = os.scandir

    def scan(path: str) -> Any:  # noqa: ANN401 - The class has no public name.
        if path.endswith("unreadable/"):
            raise PermissionError(13, "Permission denied")
        if path.endswith("removed/"):
            (tmp_path / "removed").rmdir()
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scan)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 60)
    listed = Folder(tmp_path).list(100)
    assert [(found.key, found.is_supported) for found in listed] == [
        ("a.json", True),
        (renamed, False),
        (f"{long}/", False),
        ("unreadable/", False),
    ]


def test_ignores_a_file_that_is_removed_during_the_listing(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text("{}")
    listing = Folder(tmp_path)._walk()
    next(listing)
    for name in "ab":
        (tmp_path / name).unlink()
    assert [*listing] == []


@pytest.mark.parametrize(
    ("seconds", "year"), [(0, 1970), (-1e13, 1970), (253_402_300_800, 9999), (1e18, 9999)]
)
def test_a_time_beyond_the_calendar_becomes_the_nearest_one(seconds: float, year: int) -> None:
    stat = SimpleNamespace(st_mtime=seconds, st_mtime_ns=0, st_ino=1, st_size=2, st_ctime_ns=3)
    assert folder_store._version("a", cast("os.stat_result", stat)).modified_at.year == year


def test_restores_a_file_that_a_killed_process_renamed_for_deletion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(tmp_path)
    renamed = tmp_path / f".{'0' * 32}.a.b.json.removing"
    renamed.write_text("{}")
    assert folder.list(100) == []
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 60)
    folder.list(100)
    assert keys(folder) == ["a.b.json"]
    renamed.write_text("older")
    folder.list(100)
    assert folder.read(only(folder)) == b"{}"
    assert not renamed.exists()


def test_reports_a_missing_folder(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "gone")
    with pytest.raises(BucketUnavailable, match="No such file or directory"):
        folder.list(100)


@pytest.mark.parametrize(
    "key", ["a\tb", "a\x01b", "a\x1fb", "a\x7fb", "a//b", "./a", "a/../b", "/a", "a/"]
)
def test_lists_an_unsupported_key_beside_the_others(bucket: str, key: str) -> None:
    client = boto3.client("s3")
    client.put_object(Bucket=bucket, Key="movies/", Body=b"")
    client.put_object(Bucket=bucket, Key="movies/folder/", Body=b"")
    client.put_object(Bucket=bucket, Key="movies/rejected/b.json", Body=b"{}")
    client.put_object(Bucket=bucket, Key="movies/é ~^`|<>{}[]\"'%2F?#*\\.json", Body=b"{}")
    client.put_object(Bucket=bucket, Key=f"movies/{key}", Body=b"{}")
    store = open_store(f"s3://{bucket}/movies")
    for version in store.list(100):
        if version.is_supported:
            store.read(version)
    listed = {version.key: version for version in store.list(100)}
    assert {key for key, version in listed.items() if not version.is_supported} == {key}
    (other,) = listed.keys() - {key}
    assert store.read(listed[other]) == b"{}"
    store.delete_if_unchanged(listed[other])
    left = client.list_objects_v2(Bucket=bucket, Prefix=f"movies/{key}")["Contents"]
    assert [each["Key"] for each in left] == [f"movies/{key}"]


def test_both_listings_of_a_bucket_give_equal_versions(bucket: str) -> None:
    for number in range(3):
        boto3.client("s3").put_object(Bucket=bucket, Key=f"movies/{number}.json", Body=b"{}")
    store = open_store(f"s3://{bucket}/movies")
    assert isinstance(store, Bucket)
    listed = store.list(100)
    assert store._client is not None
    assert sorted(store._client.list(1), key=lambda each: each.key) == sorted(
        listed, key=lambda each: each.key
    )
    assert {each.modified_at.isoformat()[-6:] for each in store._client.list(1)} == {"+00:00"}


def test_names_an_unsupported_key_that_another_provider_cannot_list(bucket: str) -> None:
    store = open_store(f"s3://{bucket}/movies")
    assert isinstance(store, Bucket)
    for key, shown in (("a//b.json", "a//b.json"), ("0\tb.json", "0\\tb.json")):
        boto3.client("s3").put_object(Bucket=bucket, Key=f"movies/{key}", Body=b"{}")
        with pytest.raises(BucketUnavailable, match="rename that object") as raised:
            Bucket(store.name, store._store).list(100)
        assert f"(movies/{shown})" in raised.value.message


def test_normalizes_etags() -> None:
    assert {_bare(etag) for etag in ('"0x8D1"', "0x8D1", 'W/"0x8D1"')} == {"0x8D1"}
    assert _bare(None) == ""


def test_reports_a_missing_bucket(bucket: str) -> None:
    store = open_store(f"s3://{bucket}-other/movies")
    with pytest.raises(BucketUnavailable, match="does not exist"):
        store.list(100)
    with pytest.raises(BucketUnavailable, match="does not exist"):
        store.put("a.json", b"{}")
    with pytest.raises(BucketUnavailable, match="does not exist"):
        store.delete_if_unchanged(ObjectVersion("a", '"e"', 1, dt.datetime.now(dt.UTC)))
    assert store.name == f"s3://{bucket}-other/movies"


def test_reports_missing_permission_to_delete(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(f"s3://{bucket}")
    store.put("a.json", b"{}")
    policy = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*",'
        f'"Action":"s3:DeleteObject","Resource":"arn:aws:s3:::{bucket}/*"}}]}}'
    )
    boto3.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy)
    with pytest.raises(BucketUnavailable, match="check that the credentials permit list"):
        store.delete_if_unchanged(only(store))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("dir:/not/there", "The folder with updates does not exist"),
        ("s3://", "The ingest source must be dir:/path"),
        ("ftp://host/movies", "The ingest source must be dir:/path"),
        ("s3://user:password@bucket/movies", "The ingest source must be dir:/path"),
        ("gs://bucket/movies", "can't be opened"),
    ],
)
def test_reports_a_source_that_cannot_be_opened(
    url: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/not/there.json")
    with pytest.raises(InvalidSetting, match=message):
        open_store(url)


def test_normalizes_the_url_of_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert normalized_url("dir:drop") == f"dir:{tmp_path}/drop"
    assert normalized_url("s3://bucket/movies/") == "s3://bucket/movies"


def test_opens_buckets_of_other_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "a2V5")
    assert open_store("az://container/movies").name == "az://container/movies"
