"""The progress of a benchmark, as people see it on a terminal."""

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class ExperimentProgress:
    """A bar on standard error; where that is no terminal, each stage is a line."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("elapsed,"),
            TimeRemainingColumn(),
            TextColumn("left: {task.description}"),
            console=console,
        )
        self._task = self._progress.add_task("", total=None)
        self._progress.start()

    def stage(self, about: str) -> None:
        """Say what is done now."""
        self._progress.update(self._task, description=about)
        if not self._console.is_terminal:
            self._console.print(about, highlight=False)

    def begin_rounds(self, steps: int) -> None:
        """Show how far the rounds are, of so many steps."""
        self.stage("Comparing")
        self._progress.reset(self._task, total=steps)

    def advance(self, about: str) -> None:
        """Go on by a step."""
        self._progress.update(self._task, description=about, advance=1)

    def close(self) -> None:
        """Leave the bar as it is and go on below it."""
        self._progress.stop()
