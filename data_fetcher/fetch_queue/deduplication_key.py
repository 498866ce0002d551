"""Deduplication key of a fetch, and the conversion between lookups and fetches."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from common.text import match_key
from data_fetcher.omdb.lookups import ImdbIdLookup, MovieLookup, TitleLookup
from data_layer.entities.fetch import Fetch
from data_layer.entities.movie import StoredMovie
from data_layer.ports.movies import Title
from data_layer.ports.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Requester:
    """Client that requested a fetch, as the audit log records it."""

    name: str = "anonymous"
    address: str = ""
    request_id: str = ""


def deduplication_key(lookup: MovieLookup) -> bytes:
    """Return the SHA-256 of a lookup; case and accents of a title are ignored."""
    imdb_id, title, year = lookup_fields(lookup)
    text = imdb_id or f"{match_key(title or '')}\n{'' if year is None else year}"
    return hashlib.sha256(text.encode()).digest()


def lookup_fields(lookup: MovieLookup) -> tuple[str | None, str | None, int | None]:
    """Return the IMDb id, the title and the year of a lookup; None for each that it lacks."""
    if isinstance(lookup, ImdbIdLookup):
        return lookup.imdb_id, None, None
    return None, lookup.title, lookup.year


def lookup_of(fetch: Fetch) -> MovieLookup:
    """Return the lookup of a stored fetch."""
    if fetch.imdb_id is not None:
        return ImdbIdLookup(fetch.imdb_id)
    return TitleLookup(fetch.title or "", fetch.year)


def find_movie_ids(uow: UnitOfWork, lookups: Mapping[bytes, MovieLookup]) -> dict[bytes, int]:
    """Return the ids of the movies that `find_movie` returns, by key of the lookup; omit others.

    The number of queries does not depend on the number of lookups.
    """
    imdb_ids: dict[bytes, str] = {}
    titles: dict[bytes, Title] = {}
    for key, lookup in lookups.items():
        if isinstance(lookup, ImdbIdLookup):
            imdb_ids[key] = lookup.imdb_id
        else:
            titles[key] = match_key(lookup.title), lookup.year
    by_imdb_id = uow.movies.find_ids_by_imdb_id(imdb_ids.values())
    by_title = uow.movies.find_first_ids_by_title(titles.values())
    return {
        **{key: by_imdb_id[value] for key, value in imdb_ids.items() if value in by_imdb_id},
        **{key: by_title[value] for key, value in titles.items() if value in by_title},
    }


def find_movie(uow: UnitOfWork, lookup: MovieLookup) -> StoredMovie | None:
    """Return the movie of a lookup from the catalogue, or None; of a title, the first match."""
    if isinstance(lookup, ImdbIdLookup):
        return uow.movies.find_by_imdb_id(lookup.imdb_id)
    return next(iter(uow.movies.find_by_title(lookup.title, lookup.year)), None)
