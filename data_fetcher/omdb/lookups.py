"""Lookups of one movie at OMDb: by IMDb id, or by title and year."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImdbIdLookup:
    """Lookup by IMDb id."""

    imdb_id: str

    def parameters(self) -> dict[str, str]:
        """Return the query parameters of the OMDb request, without the API key."""
        return {"i": self.imdb_id, "plot": "full", "r": "json"}


@dataclass(frozen=True, slots=True)
class TitleLookup:
    """Lookup by title and optional year; of several matches, OMDb returns the most popular."""

    title: str
    year: int | None = None

    def parameters(self) -> dict[str, str]:
        """Return the query parameters of the OMDb request, without the API key."""
        year = {} if self.year is None else {"y": str(self.year)}
        return {"t": self.title, **year, "plot": "full", "r": "json"}


MovieLookup = ImdbIdLookup | TitleLookup
