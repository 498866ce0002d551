"""The progress of a seeding, as people see it on a terminal."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from data_layer.entities.seed import Seed, SeedState


class SeedingProgress:
    """A bar on standard error; see `data_fetcher.seeding.seeder.SeedingObserver`.

    Films that were not stored are named above the bar, with the reason. Where standard error
    is no terminal, only these and the end are printed.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._progress = Progress(
            TextColumn("Seeding"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("films"),
            TimeElapsedColumn(),
            console=self._console,
        )

    def started(self, pending: int) -> None:
        """Show the bar, unless there is nothing to do."""
        if pending:
            self._progress.start()
            self._task = self._progress.add_task("Seeding", total=pending)

    def waiting(self) -> None:
        """Say why nothing happens."""
        self._console.print("Another process is seeding this catalogue: waiting for it.")

    def advanced(self, seed: Seed) -> None:
        """Move the bar on by one film."""
        if seed.state is not SeedState.STORED:
            self._progress.console.print(
                f"{seed.title} ({seed.imdb_id}): {seed.reason}", markup=False, highlight=False
            )
        self._progress.advance(self._task)

    def close(self) -> None:
        """Leave the bar, if there is one, as it is and go on below it."""
        if self._progress.live.is_started:
            self._progress.stop()
