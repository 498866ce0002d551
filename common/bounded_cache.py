"""Cache bounded by size in bytes, number of entries and age."""

import time
from collections.abc import Callable, Hashable
from typing import Any

from cachetools import TTLCache


class BoundedCache(TTLCache[Hashable, Any]):
    """Least-recently-used cache with a time to live. Not thread-safe.

    Args:
        max_bytes: Limit of the total size; a single larger entry is not stored.
        max_entries: Limit of the number of entries.
        ttl_seconds: Time to live of an entry.
        size_of: Returns the size of an entry in bytes.
        on_forget: Called with each entry that is evicted, expired or replaced.
        clock: Monotonic time in seconds, for the age of entries.
    """

    def __init__(
        self,
        *,
        max_bytes: int,
        max_entries: int,
        ttl_seconds: float,
        size_of: Callable[[Any], int],
        on_forget: Callable[[Any], None] = lambda _entry: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(max_bytes, ttl_seconds, timer=clock, getsizeof=size_of)
        self._max_bytes = max_bytes
        self._max_entries = max_entries
        self._size_of = size_of
        self._on_forget = on_forget
        self.evictions = 0
        """Number of entries removed to stay within the limits, before they expired."""

    def put(self, key: Hashable, entry: object) -> None:
        """Store an entry; evict the least recently used ones if a limit is exceeded."""
        if self._size_of(entry) > self._max_bytes:
            return
        if key in self:
            self._on_forget(self.pop(key))
        while len(self) >= self._max_entries:
            self.popitem()
        self[key] = entry

    def popitem(self) -> tuple[Hashable, Any]:
        """Evict one entry and return it with its key; cachetools calls this, too."""
        self.evictions += 1
        key, entry = super().popitem()
        self._on_forget(entry)
        return key, entry

    def expire(self, time: float | None = None) -> list[tuple[Hashable, Any]]:
        """Remove and return the expired entries; cachetools calls this, too."""
        expired = super().expire(time)
        for _key, entry in expired:
            self._on_forget(entry)
        return expired
