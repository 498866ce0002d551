"""OMDb as the source of the movies of fetch jobs."""

from dataclasses import dataclass

import structlog

from common.errors import MoviesError, UpstreamBadResponse
from data_fetcher.fetch_queue.completion import Outcome
from data_fetcher.fetch_queue.deduplication_key import lookup_of
from data_fetcher.omdb.admission import AdmissionControl, FetchMovie, Purpose
from data_layer.entities.fetch import Fetch

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MovieSource:
    """OMDb as the source of a worker.

    Args:
        fetch: Function that fetches one movie.
        admission: Reports whether requests are paused.
        concurrency: Maximum number of concurrent calls of `fetch`.
    """

    fetch: FetchMovie
    admission: AdmissionControl
    concurrency: int

    async def outcome(self, fetch: Fetch, purpose: Purpose = Purpose.BACKGROUND) -> Outcome:
        """Return the movie of a fetch job, or the error; an unexpected error is logged."""
        try:
            return await self.fetch(lookup_of(fetch), purpose)
        except MoviesError as error:
            return error
        except Exception:  # noqa: BLE001 - An unexpected error must not end a worker.
            _log.exception("fetch_failed", fetch=f"/fetches/{fetch.id}")
            return UpstreamBadResponse(
                "The movie could not be fetched: internal error, see the log."
            )
