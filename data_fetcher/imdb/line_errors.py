"""What is told of lines that can't be read: how many there were, and the first few of them."""

from dataclasses import dataclass, field

KEPT_MAX = 10


@dataclass(frozen=True, slots=True)
class LineFault:
    """A line that was left out."""

    file: str
    line: int
    """Its number; that of the header is 1."""
    expected: str
    """What should have been there, as a part of a sentence."""

    def __str__(self) -> str:
        return f"{self.file}, line {self.line:,}: {self.expected} was expected."


@dataclass(slots=True)
class LineFaults:
    """Counts lines that were left out, and keeps the first ten."""

    count: int = 0
    kept: list[LineFault] = field(default_factory=list)

    def add(self, file: str, line: int, expected: str) -> None:
        """Take note of a line; see `LineFault`."""
        self.count += 1
        if len(self.kept) < KEPT_MAX:
            self.kept.append(LineFault(file, line, expected))

    def include(self, others: "LineFaults") -> None:
        """Take note of what others have found."""
        self.count += others.count
        self.kept = [*self.kept, *others.kept][:KEPT_MAX]
