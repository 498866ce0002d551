"""Interface of an object store that receives updates of movies."""

import datetime as dt
from dataclasses import dataclass
from typing import Protocol

REJECTED = "rejected/"
"""Prefix of rejected objects; `list` omits them."""

REPORT = ".report.json"
"""Suffix of the report on a rejected object, appended to its key."""

SHOWN_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """Version of an object as listed.

    Args:
        key: Key below the prefix of the store.
        etag: ETag of this version.
        size_bytes: Size of the content.
        modified_at: Time of the last modification in UTC.
        is_supported: Whether the key can be used; if not, the object is only listed.
        has_strong_etag: Whether the ETag differs for any other content; if not, only the content
            identifies a version.
    """

    key: str
    etag: str
    size_bytes: int
    modified_at: dt.datetime
    is_supported: bool = True
    has_strong_etag: bool = True


class ObjectStore(Protocol):
    """Folder, or bucket below a prefix.

    Every method raises `BucketUnavailable` if the store cannot be reached or denies access.
    """

    name: str
    """URL of the store, without credentials."""

    def list(self, limit: int) -> list[ObjectVersion]:
        """Return at most `limit` objects, oldest first; omit rejected ones.

        Objects with unsupported keys are included, so that they can be reported.
        """
        ...

    def read(self, version: ObjectVersion) -> bytes | None:
        """Return the content of this version; None if it no longer exists."""
        ...

    def exists(self, version: ObjectVersion) -> bool:
        """Return whether this is still the object's version."""
        ...

    def delete_if_unchanged(self, version: ObjectVersion, sha256: bytes | None = None) -> None:
        """Delete the object if this is still its version; keep a newer one.

        Args:
            version: As it was listed.
            sha256: Digest of the content that was read; `None` if none was read, or if the ETag is
                strong.
        """
        ...

    def put(self, key: str, content: bytes) -> None:
        """Write an object; replace an existing one."""
        ...

    def copy(self, version: ObjectVersion, key: str) -> None:
        """Copy the present version of the object to another key."""
        ...


def shown_key(key: str) -> str:
    """Return a key as one line of at most `SHOWN_CHARACTERS`; other characters are escaped."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in key)
    return shown if len(shown) <= SHOWN_CHARACTERS else f"{shown[:SHOWN_CHARACTERS]}…"
