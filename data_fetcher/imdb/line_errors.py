"""Errors of lines in data set files: their number, and the first ten of them."""

from dataclasses import dataclass, field

KEPT_MAX = 10
"""Maximum number of errors that are kept for the report."""


@dataclass(frozen=True, slots=True)
class LineError:
    """Error of a line that was skipped."""

    file: str
    line: int
    """Line number; the header is line 1."""
    expected: str
    """Expected content, as a noun phrase."""

    def __str__(self) -> str:
        return f"{self.file}, line {self.line:,}: expected {self.expected}."


@dataclass(slots=True)
class LineErrors:
    """Number of skipped lines, with the first `KEPT_MAX` errors."""

    count: int = 0
    kept: list[LineError] = field(default_factory=list)

    def add(self, file: str, line: int, expected: str) -> None:
        """Count a skipped line; see `LineError`."""
        self.count += 1
        if len(self.kept) < KEPT_MAX:
            self.kept.append(LineError(file, line, expected))

    def include(self, others: "LineErrors") -> None:
        """Add the errors of another collection."""
        self.count += others.count
        self.kept = [*self.kept, *others.kept][:KEPT_MAX]
