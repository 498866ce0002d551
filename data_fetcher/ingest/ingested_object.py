"""A version of an object that is taken in."""

import os
from collections import Counter
from dataclasses import dataclass, field

from data_fetcher.object_stores.port import Found
from data_layer.entities.ingest import IngestFault, IngestState

FAULTS_MAX = 1_000
"""How many faults of an object are told; where there are more, all of it is put aside."""


@dataclass(slots=True)
class Taken:
    """A version of an object, and what became of it.

    Args:
        found: where it is.
        object_id: of the version; see `Ingest`.
        content: that it has; empty where it is too large to be read.
    """

    found: Found
    object_id: bytes
    content: bytes
    counts: Counter[str] = field(default_factory=Counter)
    faults: list[IngestFault] = field(default_factory=list)

    is_ours: bool = True
    """Whether no other worker was faster."""
    refused: int = 0
    """How many updates were refused; `faults` tells of the first `FAULTS_MAX`."""

    @property
    def shown_key(self) -> str:
        """The key as text; files may have names that are none."""
        return os.fsencode(self.found.key).decode("utf-8", "backslashreplace")

    @property
    def state(self) -> IngestState:
        """What became of it."""
        if not self.refused:
            return IngestState.APPLIED
        return IngestState.PARTLY if self.counts.total() else IngestState.REJECTED

    def refuse(self, fault: IngestFault) -> None:
        """Note that something of it is wrong."""
        self.refused += 1
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(fault)

    def begin_anew(self) -> None:
        """Forget what became of it: nothing was stored."""
        self.counts.clear()
        self.faults.clear()
        self.refused = 0
