"""Object store in a local folder."""

import datetime as dt
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from common.errors import BucketUnavailable
from data_fetcher.object_stores.port import REJECTED, ObjectVersion

_UNFINISHED = ".unfinished"
_REMOVING = ".removing"
_NAME_MAX_BYTES = 200
_REMOVING_SECONDS = 10
"""Age after which a file renamed for deletion counts as abandoned by a killed process.

It is restored, since it may be a newer version than the one to delete.
"""


class Folder:
    """Local folder; implements `ObjectStore`. Files whose names start with a dot are ignored.

    Args:
        path: Path of an existing folder.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = f"dir:{path}"

    def list(self, limit: int) -> list[ObjectVersion]:
        """Return at most `limit` files of the folder tree, oldest first."""
        with _errors_translated():
            versions = sorted(
                self._walk(str(self._path), ""), key=lambda each: (each.modified_at, each.key)
            )
        return versions[:limit]

    def read(self, version: ObjectVersion) -> bytes | None:
        """Return the content of the file; None if it changed or was removed."""
        with _errors_translated():
            try:
                with open(self._path_of(version.key), "rb", buffering=0) as file:
                    is_unchanged = _etag(os.fstat(file.fileno())) == version.etag
                    return file.read() if is_unchanged else None
            except FileNotFoundError:
                return None

    def exists(self, version: ObjectVersion) -> bool:
        """Compare the file's inode, time and size."""
        with _errors_translated():
            try:
                return _etag((self._path / version.key).stat()) == version.etag
            except FileNotFoundError:
                return False

    def delete_if_unchanged(self, version: ObjectVersion) -> None:
        """Delete the file if it is unchanged.

        The file is renamed first, so that no process can replace it between check and deletion.
        """
        path = self._path_of(version.key)
        folder, _, name = path.rpartition("/")
        short_name = os.fsdecode(os.fsencode(name)[:_NAME_MAX_BYTES])
        renamed = f"{folder}/.{uuid.uuid4().hex}.{short_name}{_REMOVING}"
        with _errors_translated(), suppress(FileNotFoundError):
            os.rename(path, renamed)
            if _etag(os.stat(renamed)) == version.etag:
                os.unlink(renamed)
            else:
                _restore(Path(renamed), Path(path))

    def put(self, key: str, content: bytes) -> None:
        """Write a temporary file and rename it, so that readers see complete files only."""
        path = self._path / key
        unfinished = path.with_name(f".{uuid.uuid4().hex}{_UNFINISHED}")
        with _errors_translated():
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_bytes(content)
            unfinished.replace(path)

    def copy(self, version: ObjectVersion, key: str) -> None:
        """Copy the file; do nothing if it no longer exists."""
        path = self._path / key
        unfinished = path.with_name(f".{uuid.uuid4().hex}{_UNFINISHED}")
        with _errors_translated(), suppress(FileNotFoundError):
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self._path / version.key, unfinished)
            unfinished.replace(path)

    def _path_of(self, key: str) -> str:
        return f"{self._path}/{key}"

    def _walk(self, folder: str, prefix: str) -> Iterator[ObjectVersion]:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    _restore_abandoned(entry)
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if f"{prefix}{entry.name}/" != REJECTED:
                        yield from self._walk(entry.path, f"{prefix}{entry.name}/")
                elif entry.is_file(follow_symlinks=False):
                    with suppress(FileNotFoundError):  # Another worker has ingested it.
                        stat = entry.stat(follow_symlinks=False)
                        modified_at = dt.datetime.fromtimestamp(stat.st_mtime, dt.UTC)
                        yield ObjectVersion(
                            prefix + entry.name, _etag(stat), stat.st_size, modified_at
                        )


def _restore_abandoned(entry: os.DirEntry[str]) -> None:
    """Restore a file that a killed process had renamed for deletion."""
    if entry.name.endswith(_REMOVING):
        with suppress(FileNotFoundError):
            if time.time() - entry.stat().st_ctime > _REMOVING_SECONDS:
                name = entry.name.removesuffix(_REMOVING).split(".", 2)[2]
                _restore(Path(entry.path), Path(entry.path).with_name(name))


def _restore(renamed: Path, path: Path) -> None:
    with suppress(FileExistsError):  # A newer file has the name.
        os.link(renamed, path)
    renamed.unlink()


def _etag(stat: os.stat_result) -> str:
    return f"{stat.st_ino:x}-{stat.st_mtime_ns:x}-{stat.st_size:x}"


@contextmanager
def _errors_translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BucketUnavailable(
            f"The folder with updates is unavailable ({error.strerror}): check its path, and that"
            " its files can be read and deleted."
        ) from None
