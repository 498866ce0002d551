from common.memoization import LENGTH_MAX, memoized_if_short


def test_only_short_arguments_are_kept() -> None:
    calls: list[str] = []

    @memoized_if_short
    def upper(text: str) -> str:
        calls.append(text)
        return text.upper()

    short, long = "a" * LENGTH_MAX, "a" * (LENGTH_MAX + 1)
    assert [upper(text) for text in (short, short, long, long)] == [
        short.upper(),
        short.upper(),
        long.upper(),
        long.upper(),
    ]
    assert calls == [short, long, long]
