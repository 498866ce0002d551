"""JSON of a page of movies, joined from the stored documents without parsing them."""

import orjson

from data_layer.entities.movie_query import MoviePage


def page_document(page: MoviePage, next_url: str | None) -> bytes:
    """Return the page as JSON bytes, in the form of `MoviePageOut`."""
    return b'{"movies":[%b],"next_url":%b,"total":%b}' % (
        b",".join([movie.document for movie in page.movies]),
        orjson.dumps(next_url),
        orjson.dumps(page.total),
    )
