"""Object store in a bucket of S3, Google Cloud Storage or Azure."""

import mimetypes
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

import obstore
from obstore.exceptions import BaseError, InvalidPathError, PreconditionError

from common.errors import BucketUnavailable
from data_fetcher.object_stores.bucket_errors import translate_obstore_error
from data_fetcher.object_stores.port import REJECTED, ObjectVersion, shown_key

_Versions = list[ObjectVersion]
_INVALID_PATH = re.compile('[Pp]ath "(.*?)"(?: contained|: Encountered)', re.DOTALL)


class ProviderClient(Protocol):
    """What a provider offers beyond obstore."""

    def list(self, limit: int) -> list[ObjectVersion]:
        """Return at least the first `limit` objects, also those whose keys are not supported."""
        ...

    def delete(self, key: str, etag: str) -> None:
        """Delete the object with a key if it has an ETag."""
        ...


class Bucket:
    """Bucket below a prefix; implements `ObjectStore`.

    Args:
        name: URL of the bucket.
        store: obstore's store, below the prefix.
        client: The provider's own client; without one, an unsupported key stops the listing, and
            deletion checks first, which can lose an object that is replaced in between.
    """

    def __init__(
        self,
        name: str,
        store: Any,  # noqa: ANN401 - One of obstore's many classes.
        client: ProviderClient | None = None,
    ) -> None:
        self.name = name
        self._store = store
        self._client = client
        self._not_found: set[ObjectVersion] = set()
        """Listed objects that did not exist when they were read."""

    def list(self, limit: int) -> list[ObjectVersion]:
        """Return at most `limit` objects of the first listing pages, oldest first.

        Reading stops after the page that reaches the limit, so that older objects of later pages
        can be missing.
        """
        with _errors_translated():
            versions = self._list(limit)
        return sorted(versions, key=lambda each: (each.modified_at, each.key))[:limit]

    def read(self, version: ObjectVersion) -> bytes | None:
        """Return the content with a conditional request; None if the object changed."""
        with _errors_translated(), suppress(PreconditionError):
            try:
                response = obstore.get(
                    self._store, version.key, options={"if_match": f'"{_bare(version.etag)}"'}
                )
                return bytes(response.bytes())
            except FileNotFoundError:
                self._not_found.add(version)
        return None

    def exists(self, version: ObjectVersion) -> bool:
        """Compare the ETag of a HEAD request."""
        with _errors_translated(), suppress(FileNotFoundError):
            return _bare(obstore.head(self._store, version.key)["e_tag"]) == _bare(version.etag)
        return False

    def delete_if_unchanged(self, version: ObjectVersion, sha256: bytes | None = None) -> None:  # noqa: ARG002 - See the docstring.
        """Delete the object if its ETag, which is strong, is unchanged."""
        with _errors_translated(), suppress(FileNotFoundError):
            if self._client is not None:
                self._client.delete(version.key, version.etag)
            else:
                self._check_and_delete(version.key, version.etag)

    def put(self, key: str, content: bytes) -> None:
        """Write the object, with a content type guessed from its key."""
        content_type = mimetypes.guess_type(key)[0] or "application/octet-stream"
        with _errors_translated():
            obstore.put(self._store, key, content, attributes={"Content-Type": content_type})

    def copy(self, version: ObjectVersion, key: str) -> None:
        """Copy the object within the bucket; do nothing if it no longer exists."""
        with _errors_translated(), suppress(FileNotFoundError):
            obstore.copy(self._store, version.key, key)

    def _list(self, limit: int) -> _Versions:
        """Return the objects; ask the provider's client where obstore's listing does not suffice.

        obstore's listing fails at an unsupported key, and omits the slash at the end of one.
        """
        not_found, self._not_found = self._not_found, set()
        try:
            versions = self._list_supported(limit)
        except InvalidPathError as error:
            if self._client is None:
                raise BucketUnavailable(_describe_invalid_path(str(error))) from None
        else:
            if self._client is None or not_found.isdisjoint(versions):
                return versions
        return self._client.list(limit)

    def _list_supported(self, limit: int) -> _Versions:
        versions: _Versions = []
        for page in obstore.list(self._store):
            versions += [_to_version(each) for each in page if _is_update(each["path"])]
            if len(versions) >= limit:
                break
        return versions

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


def _describe_invalid_path(text: str) -> str:
    match = _INVALID_PATH.search(text)
    return (
        f"The bucket with updates has an unsupported key ({shown_key(match[1]) if match else ''}),"
        " which contains an empty, `.` or `..` segment or a control character: rename that object."
    )


@contextmanager
def _errors_translated() -> Iterator[None]:
    """Replace the provider's error messages, which may contain credentials."""
    try:
        yield
    except (BaseError, OSError) as error:
        raise translate_obstore_error(error) from None
