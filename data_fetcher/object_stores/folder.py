"""A folder of this machine."""

import datetime as dt
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from common.errors import BucketUnavailable
from data_fetcher.object_stores.port import REJECTED, Found

_UNFINISHED = ".unfinished"
_REMOVING = ".removing"
_NAME_MAX_BYTES = 200
_REMOVING_SECONDS = 10
"""Whoever removes a file for longer has died; what they have put aside may be a newer one."""


class Folder:
    """See `UpdateStore`. Files whose names begin with a dot are somebody's own.

    Args:
        path: of the folder, which has to be there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = f"dir:{path}"

    def list(self, limit: int) -> list[Found]:
        """Look into all folders below."""
        with _reported():
            found = sorted(
                self._walk(str(self._path), ""), key=lambda each: (each.modified_at, each.key)
            )
        return found[:limit]

    def read(self, found: Found) -> bytes | None:
        """Read the file, if it has not changed."""
        with _reported():
            try:
                with open(self._place_of(found.key), "rb", buffering=0) as file:
                    is_same = _etag(os.fstat(file.fileno())) == found.etag
                    return file.read() if is_same else None
            except FileNotFoundError:
                return None

    def is_there(self, found: Found) -> bool:
        """Look at the file, not into it."""
        with _reported():
            try:
                return _etag((self._path / found.key).stat()) == found.etag
            except FileNotFoundError:
                return False

    def remove(self, found: Found) -> None:
        """Take the file out of the way first: nobody can replace it while it is compared."""
        path = self._place_of(found.key)
        folder, _, name = path.rpartition("/")
        kept = os.fsdecode(os.fsencode(name)[:_NAME_MAX_BYTES])
        aside = f"{folder}/.{uuid.uuid4().hex}.{kept}{_REMOVING}"
        with _reported(), suppress(FileNotFoundError):
            os.rename(path, aside)
            if _etag(os.stat(aside)) == found.etag:
                os.unlink(aside)
            else:
                _put_back(Path(aside), Path(path))

    def put(self, key: str, content: bytes) -> None:
        """Write beside, and move into place whole."""
        path = self._path / key
        unfinished = path.with_name(f".{uuid.uuid4().hex}{_UNFINISHED}")
        with _reported():
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_bytes(content)
            unfinished.replace(path)

    def copy(self, found: Found, key: str) -> None:
        """Copy the file, whatever its size."""
        path = self._path / key
        unfinished = path.with_name(f".{uuid.uuid4().hex}{_UNFINISHED}")
        with _reported(), suppress(FileNotFoundError):
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self._path / found.key, unfinished)
            unfinished.replace(path)

    def _place_of(self, key: str) -> str:
        return f"{self._path}/{key}"

    def _walk(self, folder: str, prefix: str) -> Iterator[Found]:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    _rescue(entry)
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if f"{prefix}{entry.name}/" != REJECTED:
                        yield from self._walk(entry.path, f"{prefix}{entry.name}/")
                elif entry.is_file(follow_symlinks=False):
                    with suppress(FileNotFoundError):  # Somebody else has taken it in.
                        stat = entry.stat(follow_symlinks=False)
                        modified_at = dt.datetime.fromtimestamp(stat.st_mtime, dt.UTC)
                        yield Found(prefix + entry.name, _etag(stat), stat.st_size, modified_at)


def _rescue(entry: os.DirEntry[str]) -> None:
    """Put a file back that somebody has put aside who died before they could remove it."""
    if entry.name.endswith(_REMOVING):
        with suppress(FileNotFoundError):
            if time.time() - entry.stat().st_ctime > _REMOVING_SECONDS:
                name = entry.name.removesuffix(_REMOVING).split(".", 2)[2]
                _put_back(Path(entry.path), Path(entry.path).with_name(name))


def _put_back(aside: Path, path: Path) -> None:
    with suppress(FileExistsError):  # A still newer one has taken the place.
        os.link(aside, path)
    aside.unlink()


def _etag(stat: os.stat_result) -> str:
    return f"{stat.st_ino:x}-{stat.st_mtime_ns:x}-{stat.st_size:x}"


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BucketUnavailable(
            f"The folder with updates can't be used ({error.strerror}): check its path, and that"
            " files in it may be read and removed."
        ) from None
