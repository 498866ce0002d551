"""Stub of admission control."""

from common.errors import MoviesError
from data_fetcher.omdb.admission import Admission, Purpose


class StubAdmission:
    """Admission control that admits each attempt; `pause` is its forecast in seconds."""

    def __init__(self) -> None:
        self.pause = 0.0

    async def admit(self, _purpose: Purpose, /) -> Admission:
        """Admit the attempt at once."""
        return Admission()

    async def record_outcome(self, _admission: Admission, _error: MoviesError | None, /) -> None:
        """Ignore the outcome."""

    def seconds_until_admitted(self, _purpose: Purpose, /) -> float:
        return self.pause
