"""Progress bar on standard error, so that standard output can be piped."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress

Advance = Callable[[int, int | None], None]
"""Accepts the completed amount and the total, or `None` while the total is unknown."""


class ProgressBar:
    """Progress bar, shown from the first update to the end of the context.

    If the stream is not a terminal, messages, stages and the final state are printed as lines.

    The default stream is standard error.
    """

    def __init__(self, task: str, unit: str, stream: TextIO | None = None) -> None:
        self._task, self._unit = task, unit
        self._stream = stream or sys.stderr
        self._bar: Progress | None = None
        self._done = 0
        self._total: int | None = None
        self._note = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._bar:
            self._bar.stop()
        elif self._done:
            amount = f"{self._done}/{self._total}" if self._total else str(self._done)
            print(f"{self._task}: {amount} {self._unit}  {self._note}".rstrip(), file=self._stream)

    def update(self, done: int, total: int | None, note: str = "") -> None:
        """Show the completed amount, the total if it is known, and a note."""
        self._done, self._total, self._note = done, total, note
        if self._stream.isatty():
            self._bar = self._bar or self._start()
            self._bar.update(self._bar.task_ids[0], completed=done, total=total, note=note)

    def advance(self, note: str = "") -> None:
        """Add 1 to the completed amount, and show a note."""
        self.update(self._done + 1, self._total, note)

    def stage(self, about: str) -> None:
        """Show the current stage as the note; without a terminal, print it."""
        self.update(self._done, self._total, about)
        if not self._bar:
            self.message(about)

    def message(self, text: str) -> None:
        """Print a line, above the bar if it is shown."""
        if self._bar:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            print(text, file=self._stream)

    def _start(self) -> "Progress":
        from rich import console, progress  # noqa: PLC0415 - Takes 0.1 s: only on a terminal.

        columns = (
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TextColumn(self._unit),
            progress.TimeElapsedColumn(),
            progress.TextColumn("elapsed,"),
            progress.TimeRemainingColumn(),
            progress.TextColumn("left  {task.fields[note]}"),
        )
        bar = progress.Progress(*columns, console=console.Console(file=self._stream))
        bar.add_task(self._task, total=None, note="")
        bar.start()
        return bar
