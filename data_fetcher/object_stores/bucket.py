"""Object store in a bucket of S3, Google Cloud Storage or Azure."""

import mimetypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import obstore
from obstore.exceptions import BaseError, InvalidPathError, PreconditionError

from common.errors import BucketUnavailable
from data_fetcher.object_stores.port import REJECTED, ObjectVersion

ConditionalDelete = Callable[[str, str], None]
"""Function that deletes the object with a key if it has an ETag."""


class Bucket:
    """Bucket below a prefix; implements `ObjectStore`.

    Args:
        name: URL of the bucket.
        store: obstore's store, below the prefix.
        conditional_delete: The provider's conditional delete; None uses a check followed by a
            delete, which can lose an object replaced in between.
    """

    def __init__(
        self,
        name: str,
        store: Any,  # noqa: ANN401 - One of obstore's many classes.
        conditional_delete: ConditionalDelete | None = None,
    ) -> None:
        self.name = name
        self._store = store
        self._conditional_delete = conditional_delete or self._check_and_delete

    def list(self, limit: int) -> list[ObjectVersion]:
        """Return at most `limit` objects of the first listing pages, oldest first.

        Reading stops after the page that reaches the limit, so that older objects of later pages
        can be missing.
        """
        versions = []
        with _errors_translated(), _invalid_keys_translated():
            for page in obstore.list(self._store):
                versions += [_to_version(each) for each in page if _is_update(each["path"])]
                if len(versions) >= limit:
                    break
        return sorted(versions, key=lambda each: (each.modified_at, each.key))[:limit]

    def read(self, version: ObjectVersion) -> bytes | None:
        """Return the content with a conditional request; None if the object changed."""
        with _errors_translated(), suppress(FileNotFoundError, PreconditionError):
            response = obstore.get(
                self._store, version.key, options={"if_match": f'"{_bare(version.etag)}"'}
            )
            return bytes(response.bytes())
        return None

    def exists(self, version: ObjectVersion) -> bool:
        """Compare the ETag of a HEAD request."""
        with _errors_translated(), suppress(FileNotFoundError):
            return _bare(obstore.head(self._store, version.key)["e_tag"]) == _bare(version.etag)
        return False

    def delete_if_unchanged(self, version: ObjectVersion) -> None:
        """Delete the object if its ETag is unchanged."""
        with _errors_translated(), suppress(FileNotFoundError):
            self._conditional_delete(version.key, version.etag)

    def put(self, key: str, content: bytes) -> None:
        """Write the object, with a content type guessed from its key."""
        content_type = mimetypes.guess_type(key)[0] or "application/octet-stream"
        with _errors_translated():
            obstore.put(self._store, key, content, attributes={"Content-Type": content_type})

    def copy(self, version: ObjectVersion, key: str) -> None:
        """Copy the object within the bucket; do nothing if it no longer exists."""
        with _errors_translated(), suppress(FileNotFoundError):
            obstore.copy(self._store, version.key, key)

    def _check_and_delete(self, key: str, etag: str) -> None:
        """Compare the ETag, then delete; an object replaced between the two requests is lost."""
        if _bare(obstore.head(self._store, key)["e_tag"]) == _bare(etag):
            obstore.delete(self._store, key)


def _is_update(key: str) -> bool:
    return not key.startswith(REJECTED)


def _to_version(listed: Any) -> ObjectVersion:  # noqa: ANN401 - A dictionary of obstore.
    return ObjectVersion(
        listed["path"], listed["e_tag"] or "", listed["size"], listed["last_modified"]
    )


def _bare(etag: str | None) -> str:
    """Return the ETag without quotes; Azure omits them in listings only."""
    return (etag or "").removeprefix("W/").strip('"')


@contextmanager
def _invalid_keys_translated() -> Iterator[None]:
    try:
        yield
    except InvalidPathError:
        raise BucketUnavailable(
            "The bucket with updates has an unsupported key, which contains an empty, `.` or `..`"
            " segment or a line feed: rename that object."
        ) from None


@contextmanager
def _errors_translated() -> Iterator[None]:
    """Replace the provider's error messages, which may contain credentials."""
    try:
        yield
    except (BaseError, OSError) as error:
        raise BucketUnavailable(
            f"The bucket with updates is unavailable ({type(error).__name__}): check its name, its"
            " endpoint, and that the credentials permit list, read, write and delete."
        ) from None
