import io
from contextlib import closing

from rich.console import Console

from data_fetcher.seeding.progress import SeedingProgress
from data_layer.entities.seed import Seed, SeedState


def shown(*seeds: Seed, waits: bool = False) -> str:
    """What a person sees of a seeding of these films."""
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    with closing(SeedingProgress(console)) as progress:
        if waits:
            progress.waiting()
        progress.started(len(seeds))
        for seed in seeds:
            progress.advanced(seed)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_shows_a_bar_and_names_what_failed() -> None:
    text = shown(
        Seed("tt0000001", "One", SeedState.STORED),
        Seed("tt0000002", "[Two]", SeedState.FAILED, "OMDb has no such movie."),
    )
    assert "2/2" in text
    assert "[Two] (tt0000002): OMDb has no such movie." in text
    assert "One" not in text


def test_shows_no_bar_when_there_is_nothing_to_do() -> None:
    assert shown() == ""


def test_says_for_whom_it_waits() -> None:
    assert "Another process is seeding" in shown(waits=True)
