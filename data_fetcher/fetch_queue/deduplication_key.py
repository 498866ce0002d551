"""Wishes, as they are asked for and as they are kept."""

import hashlib
from dataclasses import dataclass

from common.text import match_key
from data_fetcher.omdb.lookups import ImdbWish, TitleWish, Wish
from data_layer.entities.fetch import Fetch
from data_layer.entities.movie import StoredMovie
from data_layer.ports.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Wisher:
    """On whose behalf a film is fetched, in the words of the audit."""

    name: str = "nobody"
    address: str = ""
    request_id: str = ""


def wish_key(wish: Wish) -> bytes:
    """Return the SHA-256 of what is wished for: case and accents of a title don't matter."""
    imdb_id, title, year = parts_of(wish)
    text = imdb_id or f"{match_key(title or '')}\n{'' if year is None else year}"
    return hashlib.sha256(text.encode()).digest()


def parts_of(wish: Wish) -> tuple[str | None, str | None, int | None]:
    """Return the IMDb id, the title and the year that a wish names."""
    if isinstance(wish, ImdbWish):
        return wish.imdb_id, None, None
    return None, wish.title, wish.year


def wish_of(fetch: Fetch) -> Wish:
    """Return what a kept wish asks for."""
    if fetch.imdb_id is not None:
        return ImdbWish(fetch.imdb_id)
    return TitleWish(fetch.title or "", fetch.year)


def find_wished(uow: UnitOfWork, wish: Wish) -> StoredMovie | None:
    """Return the film that is wished for, if it is in the catalogue."""
    if isinstance(wish, ImdbWish):
        return uow.movies.find_by_imdb_id(wish.imdb_id)
    return next(iter(uow.movies.find_by_title(wish.title, wish.year)), None)
