"""Object store in a local folder."""

import datetime as dt
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from common.errors import BucketUnavailable
from data_fetcher.object_stores.port import REJECTED, ObjectVersion, shown_key

_UNFINISHED = ".unfinished"
_REMOVING = ".removing"
_NAME_MAX_BYTES = 200
_LATEST = dt.datetime(9999, 12, 31, tzinfo=dt.UTC)
_LATEST_SECONDS = _LATEST.timestamp()

FOLDER_MAX_BYTES = 768
"""Maximum length of the key of a folder; a deeper one is not entered.

With a name of at most 255 bytes, keys have at most 1,024, as those of buckets.
"""

_REMOVING_SECONDS = 10
"""Age after which a file renamed for deletion counts as abandoned by a killed process.

It is restored, since it may be a newer version than the one to delete.
"""


class Folder:
    """Local folder; implements `ObjectStore`. Files whose names start with a dot are ignored.

    ETags are weak: tools that set the modification time, such as tar and rsync, can leave other
    content with the same inode, time and size. The content decides before a file is deleted.

    Args:
        path: Path of an existing folder.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = f"dir:{path}"

    def list(self, limit: int) -> list[ObjectVersion]:
        """Return at most `limit` files of the folder tree, oldest first; links are ignored."""
        with _errors_translated():
            versions = sorted(self._walk(), key=lambda each: (each.modified_at, each.key))
        return versions[:limit]

    def read(self, version: ObjectVersion) -> bytes | None:
        """Return the content of the file; None if it changed or was removed."""
        with _errors_translated(), self._opened(version) as file:
            return None if file is None else file.read()

    def exists(self, version: ObjectVersion) -> bool:
        """Compare the file's inode, times and size."""
        with _errors_translated():
            try:
                return _etag((self._path / version.key).stat()) == version.etag
            except FileNotFoundError:
                return False

    def delete_if_unchanged(self, version: ObjectVersion, sha256: bytes | None = None) -> None:
        """Delete the file if it is unchanged.

        The file is renamed before its content is compared, so that no process can replace it
        between check and deletion. Without a digest, the times and the size are compared.
        """
        path = self._path_of(version.key)
        folder, _, name = path.rpartition("/")
        short_name = os.fsdecode(os.fsencode(name)[:_NAME_MAX_BYTES])
        renamed = f"{folder}/.{uuid.uuid4().hex}.{short_name}{_REMOVING}"
        with _errors_translated(), suppress(FileNotFoundError):
            if _etag(os.lstat(path)) != version.etag:
                return
            os.rename(path, renamed)
            if sha256 is None or sha256 == _sha256_of(renamed):
                os.unlink(renamed)
            else:
                _restore(Path(renamed), Path(path))

    def put(self, key: str, content: bytes) -> None:
        """Write a temporary file and rename it, so that readers see complete files only."""
        with _errors_translated(), self._new_file(key) as file:
            file.write(content)

    def copy(self, version: ObjectVersion, key: str) -> None:
        """Copy the file; do nothing if it changed or was removed."""
        with _errors_translated(), self._opened(version) as file:
            if file is not None:
                with self._new_file(key) as copied:
                    shutil.copyfileobj(file, copied)

    def _path_of(self, key: str) -> str:
        return f"{self._path}/{key}"

    @contextmanager
    def _opened(self, version: ObjectVersion) -> Iterator[FileIO | None]:
        """Open a file; None if it changed or was removed."""
        with ExitStack() as opened:
            try:
                file = opened.enter_context(
                    open(self._path_of(version.key), "rb", 0, opener=_open_without_blocking)
                )
            except FileNotFoundError:
                yield None
            else:
                yield file if _etag(os.fstat(file.fileno())) == version.etag else None

    @contextmanager
    def _new_file(self, key: str) -> Iterator[BinaryIO]:
        """Open a temporary file, which gets its key at the end; links are not followed."""
        unfinished = f".{uuid.uuid4().hex}{_UNFINISHED}"
        with self._opened_parent(key) as (folder, name):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            try:
                with os.fdopen(os.open(unfinished, flags, 0o666, dir_fd=folder), "wb") as file:
                    yield file
                os.replace(unfinished, name, src_dir_fd=folder, dst_dir_fd=folder)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(unfinished, dir_fd=folder)

    @contextmanager
    def _opened_parent(self, key: str) -> Iterator[tuple[int, str]]:
        """Open the folder of a key, which is created if needed; yield it with the name in it.

        Raises:
            BucketUnavailable: A part of the key is a link or a file.
        """
        *folders, name = key.split("/")
        with ExitStack() as opened:
            descriptor = os.open(self._path, os.O_DIRECTORY)
            opened.callback(os.close, descriptor)
            for folder in folders:
                with suppress(FileExistsError):
                    os.mkdir(folder, dir_fd=descriptor)
                try:
                    descriptor = os.open(folder, os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
                except NotADirectoryError:
                    raise BucketUnavailable(
                        f"The folder with updates has a link or a file `{shown_key(folder)}` where"
                        f" a folder is needed for {shown_key(key)}: rename it."
                    ) from None
                opened.callback(os.close, descriptor)
            yield descriptor, name

    def _walk(self) -> Iterator[ObjectVersion]:
        """Yield all files; what cannot be listed is yielded as unsupported."""
        prefixes = [""]
        while prefixes:
            prefix = prefixes.pop()
            try:
                with os.scandir(self._path_of(prefix)) as scan:
                    entries = [*scan]
            except OSError as error:
                if not prefix:
                    raise
                if not isinstance(error, FileNotFoundError):
                    yield _unsupported(prefix)
                continue
            for entry in entries:
                yield from _find(entry, prefix + entry.name, prefixes)


def _find(entry: os.DirEntry[str], key: str, prefixes: list[str]) -> Iterator[ObjectVersion]:
    """Yield an entry if it is a file; append a folder to the prefixes that remain to be listed."""
    try:
        if entry.name.startswith("."):
            _restore_abandoned(entry)
        elif entry.is_file(follow_symlinks=False):
            yield _version(key, entry.stat(follow_symlinks=False))
        elif entry.is_dir(follow_symlinks=False) and f"{key}/" != REJECTED:
            if len(os.fsencode(key)) > FOLDER_MAX_BYTES:
                yield _unsupported(f"{key}/")
            else:
                prefixes.append(f"{key}/")
    except FileNotFoundError:  # Another worker has ingested it.
        return
    except OSError:
        yield _unsupported(key)


def _version(key: str, stat: os.stat_result) -> ObjectVersion:
    """Return a file as an object; times outside the years 1970 to 9999 become the nearest one."""
    seconds = min(max(stat.st_mtime, 0), _LATEST_SECONDS)
    modified_at = dt.datetime.fromtimestamp(seconds, dt.UTC)
    return ObjectVersion(key, _etag(stat), stat.st_size, modified_at, has_strong_etag=False)


def _unsupported(key: str) -> ObjectVersion:
    """Return an object that is only listed, after all others."""
    return ObjectVersion(key, "", 0, _LATEST, is_supported=False)


def _open_without_blocking(path: str, flags: int) -> int:
    """Open a path; a named pipe that has replaced a file has no content, instead of blocking."""
    return os.open(path, flags | os.O_NONBLOCK)


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
    return f"{stat.st_ino:x}-{stat.st_mtime_ns:x}-{stat.st_size:x}-{stat.st_ctime_ns:x}"


def _sha256_of(path: str) -> bytes:
    with open(path, "rb", 0, opener=_open_without_blocking) as file:
        return hashlib.file_digest(file, "sha256").digest()


@contextmanager
def _errors_translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BucketUnavailable(
            f"The folder with updates is unavailable ({error.strerror}): check its path, and that"
            " its files can be read and deleted."
        ) from None
