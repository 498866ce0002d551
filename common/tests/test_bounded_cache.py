from common.bounded_cache import BoundedCache


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def make(
    clock: Clock | None = None, *, max_bytes: int = 100, max_entries: int = 3
) -> tuple[BoundedCache, list[str]]:
    """A small cache, and the entries that it forgets."""
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


def test_is_bounded_in_entries() -> None:
    cache, forgotten = make()
    for name in "abcd":
        cache.keep(name, name)
    assert forgotten == ["a"]
    assert (len(cache), cache.evictions) == (3, 1)


def test_is_bounded_in_bytes() -> None:
    cache, forgotten = make()
    cache.keep("a", "a" * 60)
    cache.keep("b", "b" * 60)
    assert forgotten == ["a" * 60]
    assert cache.get("b") == "b" * 60


def test_does_not_keep_what_is_larger_than_all_of_it() -> None:
    cache, _forgotten = make()
    cache.keep("a", "a" * 101)
    assert cache.get("a") is None


def test_forgets_what_is_old() -> None:
    clock = Clock()
    cache, forgotten = make(clock)
    cache.keep("a", "a")
    clock.now = 10
    assert cache.get("a") is None
    cache.keep("b", "b")
    assert forgotten == ["a"]


def test_tells_of_what_is_replaced() -> None:
    cache, forgotten = make()
    cache.keep("a", "old")
    cache.keep("a", "new")
    assert forgotten == ["old"]
    assert (cache.get("a"), cache.evictions) == ("new", 0)
