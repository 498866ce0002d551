"""What is wished for from OMDb: one film, by its IMDb id or by its title."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImdbWish:
    """The film with this IMDb id."""

    imdb_id: str

    def parameters(self) -> dict[str, str]:
        """Return the query parameters of OMDb that ask for it."""
        return {"i": self.imdb_id, "plot": "full", "r": "json"}


@dataclass(frozen=True, slots=True)
class TitleWish:
    """The film of this title that OMDb takes for the best known, of this year if one is given."""

    title: str
    year: int | None = None

    def parameters(self) -> dict[str, str]:
        """Return the query parameters of OMDb that ask for it."""
        year = {} if self.year is None else {"y": str(self.year)}
        return {"t": self.title, **year, "plot": "full", "r": "json"}


Wish = ImdbWish | TitleWish
