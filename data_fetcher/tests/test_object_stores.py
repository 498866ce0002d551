"""Folders, and buckets of a real S3: what both have to do, and what only one does."""

import datetime as dt
import os
import time
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

from common.errors import BucketUnavailable, InvalidSetting
from data_fetcher.object_stores.bucket import Bucket, _bare
from data_fetcher.object_stores.factory import name_of, open_store
from data_fetcher.object_stores.folder import Folder
from data_fetcher.object_stores.port import Found, UpdateStore

pytestmark = pytest.mark.integration

Put = Callable[[str, bytes], None]
"""Drops an object, as partners do."""


@pytest.fixture(params=["folder", "bucket", "bucket without conditions"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[UpdateStore, Put]:
    """A place that is empty, and what drops objects there."""
    if request.param == "folder":

        def write(key: str, content: bytes) -> None:
            path = tmp_path / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

        return open_store(f"dir:{tmp_path}"), write
    name: str = request.getfixturevalue("bucket")
    client = boto3.client("s3")

    def put(key: str, content: bytes) -> None:
        client.put_object(Bucket=name, Key=f"films/{key}", Body=content)

    store = open_store(f"s3://{name}/films/")
    assert isinstance(store, Bucket)
    if request.param != "bucket":
        store = Bucket(store.name, store._store)
    return store, put


def keys(store: UpdateStore) -> list[str]:
    return sorted(found.key for found in store.list(100))


def only(store: UpdateStore) -> Found:
    (found,) = store.list(100)
    return found


def test_what_was_dropped_is_listed_and_read(place: tuple[UpdateStore, Put]) -> None:
    store, put = place
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


def test_an_object_is_removed_only_if_it_is_still_the_same(
    place: tuple[UpdateStore, Put],
) -> None:
    store, put = place
    put("a.json", b"first")
    first = only(store)
    put("a.json", b"another")
    assert not store.is_there(first)
    assert store.read(first) is None
    store.remove(first)
    assert store.read(only(store)) == b"another"
    assert store.is_there(only(store))
    store.remove(only(store))
    assert store.list(100) == []
    store.remove(first)
    assert store.read(first) is None
    assert not store.is_there(first)
    store.copy(first, "rejected/a.json")


def test_objects_are_written_and_copied(place: tuple[UpdateStore, Put]) -> None:
    store, put = place
    put("deep/a.json", b"first")
    store.copy(only(store), "copy.json")
    store.put("new/er.report.json", b"written")
    found = {each.key: store.read(each) for each in store.list(100)}
    assert found == {
        "copy.json": b"first",
        "deep/a.json": b"first",
        "new/er.report.json": b"written",
    }


def test_the_oldest_come_first(tmp_path: Path) -> None:
    for place, name in enumerate(("c", "a", "b")):
        (tmp_path / name).write_text("{}")
        os.utime(tmp_path / name, (place, place))
    assert [found.key for found in Folder(tmp_path).list(2)] == ["c", "a"]


def test_hidden_files_and_links_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".part").write_text("{}")
    (tmp_path / "link").symlink_to(tmp_path / ".part")
    assert Folder(tmp_path).list(100) == []


def test_a_file_that_was_put_aside_by_somebody_who_died_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(tmp_path)
    aside = tmp_path / f".{'0' * 32}.a.b.json.removing"
    aside.write_text("{}")
    assert folder.list(100) == []
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 60)
    folder.list(100)
    assert keys(folder) == ["a.b.json"]
    aside.write_text("older")
    folder.list(100)
    assert folder.read(only(folder)) == b"{}"
    assert not aside.exists()


def test_a_folder_that_is_gone_is_told_so(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "gone")
    with pytest.raises(BucketUnavailable, match="No such file or directory"):
        folder.list(100)


def test_a_key_that_can_not_be_read_is_told_so(bucket: str) -> None:
    boto3.client("s3").put_object(Bucket=bucket, Key="films/a//b.json", Body=b"{}")
    with pytest.raises(BucketUnavailable, match="Rename that object"):
        open_store(f"s3://{bucket}/films").list(100)


def test_the_forms_of_an_etag_are_one() -> None:
    assert {_bare(etag) for etag in ('"0x8D1"', "0x8D1", 'W/"0x8D1"')} == {"0x8D1"}
    assert _bare(None) == ""


def test_a_bucket_that_is_not_there_is_told_so(bucket: str) -> None:
    store = open_store(f"s3://{bucket}-other/films")
    with pytest.raises(BucketUnavailable, match="can't be used"):
        store.list(100)
    with pytest.raises(BucketUnavailable, match="can't be used"):
        store.put("a.json", b"{}")
    with pytest.raises(BucketUnavailable, match=r"NoSuchBucket|ClientError"):
        store.remove(Found("a", '"e"', 1, dt.datetime.now(dt.UTC)))
    assert store.name == f"s3://{bucket}-other/films"


def test_a_bucket_that_can_not_be_reached_is_told_so(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    store = open_store(f"s3://{bucket}")
    with pytest.raises(BucketUnavailable, match="removed"):
        store.remove(Found("a", '"e"', 1, dt.datetime.now(dt.UTC)))


def test_who_may_not_remove_is_told_so(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(f"s3://{bucket}")
    store.put("a.json", b"{}")
    policy = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*",'
        f'"Action":"s3:DeleteObject","Resource":"arn:aws:s3:::{bucket}/*"}}]}}'
    )
    boto3.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy)
    with pytest.raises(BucketUnavailable, match="check that the credentials allow it"):
        store.remove(only(store))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("dir:/not/there", "The folder with updates is not there"),
        ("s3://", "Updates come from dir:/path"),
        ("ftp://host/films", "Updates come from dir:/path"),
        ("s3://user:password@bucket/films", "Updates come from dir:/path"),
        ("gs://bucket/films", "can't be opened"),
    ],
)
def test_a_source_that_can_not_be_opened_is_told_so(
    url: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/not/there.json")
    with pytest.raises(InvalidSetting, match=message):
        open_store(url)


def test_a_source_has_one_name_wherever_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert name_of("dir:drop") == f"dir:{tmp_path}/drop"
    assert name_of("s3://bucket/films/") == "s3://bucket/films"


def test_buckets_of_other_providers_are_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "a2V5")
    assert open_store("az://container/films").name == "az://container/films"
