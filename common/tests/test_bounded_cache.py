from common.bounded_cache import BoundedCache


class Clock:
    """Clock controlled by a test."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def make(
    clock: Clock | None = None, *, max_bytes: int = 100, max_entries: int = 3
) -> tuple[BoundedCache, list[str]]:
    """Return a small cache, and the list of entries that it forgets."""
    forgotten: list[str] = []
    cache = BoundedCache(
        max_bytes=max_bytes,
        max_entries=max_entries,
        ttl_seconds=10,
        size_of=len,
        on_forget=forgotten.append,
        clock=clock or Clock(),
    )
    return cache, forgotten


def test_limits_the_number_of_entries() -> None:
    cache, forgotten = make()
    for name in "abcd":
        cache.put(name, name)
    assert forgotten == ["a"]
    assert (len(cache), cache.evictions) == (3, 1)


def test_limits_the_total_size() -> None:
    cache, forgotten = make()
    cache.put("a", "a" * 60)
    cache.put("b", "b" * 60)
    assert forgotten == ["a" * 60]
    assert cache.get("b") == "b" * 60


def test_does_not_store_an_entry_larger_than_the_cache() -> None:
    cache, _forgotten = make()
    cache.put("a", "a" * 101)
    assert cache.get("a") is None


def test_forgets_expired_entries() -> None:
    clock = Clock()
    cache, forgotten = make(clock)
    cache.put("a", "a")
    clock.now = 10
    assert cache.get("a") is None
    cache.put("b", "b")
    assert forgotten == ["a"]


def test_reports_a_replaced_entry_as_forgotten() -> None:
    cache, forgotten = make()
    cache.put("a", "old")
    cache.put("a", "new")
    assert forgotten == ["old"]
    assert (cache.get("a"), cache.evictions) == ("new", 0)
