"""A bucket, of whatever provider."""

import mimetypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import obstore
from obstore.exceptions import BaseError, InvalidPathError, PreconditionError

from common.errors import BucketUnavailable
from data_fetcher.object_stores.port import REJECTED, Found

RemoveSame = Callable[[str, str], None]
"""Removes the object of this path if it has this ETag."""


class Bucket:
    """See `UpdateStore`.

    Args:
        name: its URL.
        store: of obstore, below the prefix.
        remove_same: of the provider, where there is such a thing.
    """

    def __init__(self, name: str, store: Any, remove_same: RemoveSame | None = None) -> None:  # noqa: ANN401 - One of obstore's many classes.
        self.name = name
        self._store = store
        self._remove_same = remove_same or self._remove_if_same

    def list(self, limit: int) -> list[Found]:
        """Read page by page; folders are objects without content."""
        found = []
        with _reported(), _strange_keys_told():
            for page in obstore.list(self._store):
                found += [_found(each) for each in page if _is_update(each["path"])]
                if len(found) >= limit:
                    break
        return sorted(found, key=lambda each: (each.modified_at, each.key))[:limit]

    def read(self, found: Found) -> bytes | None:
        """Ask for this very version."""
        with _reported(), suppress(FileNotFoundError, PreconditionError):
            answer = obstore.get(
                self._store, found.key, options={"if_match": f'"{_bare(found.etag)}"'}
            )
            return bytes(answer.bytes())
        return None

    def is_there(self, found: Found) -> bool:
        """Ask for the head."""
        with _reported(), suppress(FileNotFoundError):
            return _bare(obstore.head(self._store, found.key)["e_tag"]) == _bare(found.etag)
        return False

    def remove(self, found: Found) -> None:
        """Remove it as the provider allows it."""
        with _reported(), suppress(FileNotFoundError):
            self._remove_same(found.key, found.etag)

    def put(self, key: str, content: bytes) -> None:
        """Write it."""
        kind = mimetypes.guess_type(key)[0] or "application/octet-stream"
        with _reported():
            obstore.put(self._store, key, content, attributes={"Content-Type": kind})

    def copy(self, found: Found, key: str) -> None:
        """Have the provider copy it."""
        with _reported(), suppress(FileNotFoundError):
            obstore.copy(self._store, found.key, key)

    def _remove_if_same(self, key: str, etag: str) -> None:
        """Look, and remove; what is replaced within these milliseconds is lost."""
        if _bare(obstore.head(self._store, key)["e_tag"]) == _bare(etag):
            obstore.delete(self._store, key)


def _is_update(key: str) -> bool:
    return not key.startswith(REJECTED)


def _found(listed: Any) -> Found:  # noqa: ANN401 - A dictionary of obstore.
    return Found(listed["path"], listed["e_tag"] or "", listed["size"], listed["last_modified"])


def _bare(etag: str | None) -> str:
    """Return the ETag without quotes: Azure's lists have none, its heads do."""
    return (etag or "").removeprefix("W/").strip('"')


@contextmanager
def _strange_keys_told() -> Iterator[None]:
    try:
        yield
    except InvalidPathError:
        raise BucketUnavailable(
            "The bucket with updates has a key that can't be read: one with `//`, `.` or `..` as a"
            " part, or a line feed. Rename that object."
        ) from None


@contextmanager
def _reported() -> Iterator[None]:
    """Say what went wrong in our words; a provider's may hold credentials."""
    try:
        yield
    except (BaseError, OSError) as error:
        raise BucketUnavailable(
            f"The bucket with updates can't be used ({type(error).__name__}): check its name, its"
            " endpoint, and that the credentials allow to list, read, write and delete."
        ) from None
