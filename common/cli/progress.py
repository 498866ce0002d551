"""Progress bars of commands: on standard error, so that output can be piped."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Advance = Callable[[int, int | None], None]
"""Takes how much is done, and of how much, if that is known."""


@contextmanager
def progress_bar(task: str, unit: str) -> Iterator[Advance]:
    """Show a bar for as long as the context lasts; give what moves it."""
    with noted_progress_bar(task, unit) as advance:
        yield lambda done, total: advance(done, total, "")


@contextmanager
def noted_progress_bar(task: str, unit: str) -> Iterator[Callable[[int, int | None, str], None]]:
    """Show a bar with a note that changes; give what moves it and sets the note."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        number = progress.add_task(task, total=None, note="")
        yield lambda done, total, note: progress.update(
            number, completed=done, total=total, note=note
        )
