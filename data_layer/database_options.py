"""Tuning options of a database."""

from dataclasses import dataclass
from typing import Literal

Isolation = Literal["read committed", "repeatable read", "serializable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseOptions:
    """Values of the settings `MOVIES_DATABASE_…`; decision 15 explains the defaults."""

    pool_size: int = 10
    connect_timeout_seconds: int = 5
    statement_timeout_seconds: int = 5
    lock_timeout_seconds: int = 5
    isolation: Isolation = "read committed"

    @property
    def deadline_seconds(self) -> int:
        """Time limit of a database call: lock timeout plus statement timeout."""
        return self.lock_timeout_seconds + self.statement_timeout_seconds


DEFAULT_OPTIONS = DatabaseOptions()
