"""The public representation of a film, as the JSON bytes that are stored and served."""

import datetime as dt

import orjson

from data_layer.entities.movie import MovieFacts, Rating


def movie_document(movie_id: int, facts: MovieFacts) -> bytes:
    """Return the whole film as compact UTF-8 JSON, its keys in the documented order.

    Source: the "Movie" object of the API; unknown values are `null`, dates are ISO 8601.
    """
    return orjson.dumps(
        {
            "id": movie_id,
            "imdb_id": facts.imdb_id,
            "title": facts.title,
            "year": facts.year,
            "end_year": facts.end_year,
            "type": facts.type,
            "rated": facts.rated,
            "released": facts.released,
            "runtime_minutes": facts.runtime_minutes,
            "genres": facts.genres,
            "directors": facts.directors,
            "writers": facts.writers,
            "cast": facts.cast,
            "plot": facts.plot,
            "languages": facts.languages,
            "countries": facts.countries,
            "awards": facts.awards,
            "poster_url": facts.poster_url,
            "ratings": facts.ratings,
            "metascore": facts.metascore,
            "imdb_rating": facts.imdb_rating,
            "imdb_votes": facts.imdb_votes,
            "box_office_usd": facts.box_office_usd,
            "production": facts.production,
            "website": facts.website,
            "self_url": f"/movies/{movie_id}",
        }
    )


def movie_facts(document: bytes) -> MovieFacts:
    """Return what a document of `movie_document` says."""
    fields = orjson.loads(document)
    del fields["id"], fields["self_url"]
    for name, value in fields.items():
        if isinstance(value, list) and name != "ratings":
            fields[name] = tuple(value)
    fields["ratings"] = tuple(Rating(**rating) for rating in fields["ratings"])
    fields["released"] = fields["released"] and dt.date.fromisoformat(fields["released"])
    return MovieFacts(**fields)
