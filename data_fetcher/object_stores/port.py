"""What is needed of a place where objects are dropped."""

import datetime as dt
from dataclasses import dataclass
from typing import Protocol

REJECTED = "rejected/"
"""Where what can't be used is put; objects there are not looked at."""

REPORT = ".report.json"
"""What the report beside an object ends in."""


@dataclass(frozen=True, slots=True)
class Found:
    """An object as it was found.

    Args:
        key: below the prefix.
        etag: of this version.
        modified_at: in UTC.
    """

    key: str
    etag: str
    size_bytes: int
    modified_at: dt.datetime


class UpdateStore(Protocol):
    """A folder, or a bucket below a prefix.

    Every method raises `BucketUnavailable` where it can't be reached, or does not let us in.
    """

    name: str
    """Its URL; it holds no credentials."""

    def list(self, limit: int) -> list[Found]:
        """Return the objects that are there, so many at most, the oldest first."""
        ...

    def read(self, found: Found) -> bytes | None:
        """Return what this version holds; `None` where it is not there any more."""
        ...

    def is_there(self, found: Found) -> bool:
        """Tell whether the object is still this version."""
        ...

    def remove(self, found: Found) -> None:
        """Remove the object if it is still this version; a newer one stays."""
        ...

    def put(self, key: str, content: bytes) -> None:
        """Write an object, in the place of one that is there."""
        ...

    def copy(self, found: Found, key: str) -> None:
        """Write this object once more, under another key, as it is now."""
        ...
