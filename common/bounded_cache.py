"""A cache that is bounded in bytes, in entries and in time."""

import time
from collections.abc import Callable, Hashable
from typing import Any

from cachetools import TTLCache


class BoundedCache(TTLCache[Hashable, Any]):
    """Keeps what was used last; forgets what is old, or is too much.

    Args:
        max_bytes: of all entries together; a larger single entry is not kept.
        max_entries: whatever their size.
        ttl_seconds: how long an entry is kept.
        size_of: gives the bytes of an entry.
        on_forget: is told of each entry that goes, for whatever reason.
        clock: of the entries' age, in seconds.
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
        """How many entries had to go before their time."""

    def keep(self, key: Hashable, entry: object) -> None:
        """Keep an entry, at the cost of those that were not used for longest."""
        if self._size_of(entry) > self._max_bytes:
            return
        if key in self:
            self._on_forget(self.pop(key))
        while len(self) >= self._max_entries:
            self.popitem()
        self[key] = entry

    def popitem(self) -> tuple[Hashable, Any]:
        """Make room; cachetools calls this too."""
        self.evictions += 1
        key, entry = super().popitem()
        self._on_forget(entry)
        return key, entry

    def expire(self, time: float | None = None) -> list[tuple[Hashable, Any]]:
        """Let go what is too old; cachetools calls this too."""
        expired = super().expire(time)
        for _key, entry in expired:
            self._on_forget(entry)
        return expired
