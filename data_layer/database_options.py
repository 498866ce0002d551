"""How a database is worked with: what an operator can tune."""

from dataclasses import dataclass
from typing import Literal

Isolation = Literal["read committed", "repeatable read", "serializable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseOptions:
    """See the settings of the same names; decision 15 says why these are the defaults."""

    pool_size: int = 10
    connect_timeout_seconds: int = 5
    statement_timeout_seconds: int = 5
    lock_timeout_seconds: int = 5
    isolation: Isolation = "read committed"

    @property
    def deadline_seconds(self) -> int:
        """How long anything takes at most, before nobody waits for it any longer."""
        return self.lock_timeout_seconds + self.statement_timeout_seconds


DEFAULT_OPTIONS = DatabaseOptions()
