import asyncio
import datetime as dt
from collections.abc import Callable

import orjson
import pytest

from common.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    TooManyRequests,
    Unauthenticated,
    UpstreamBadResponse,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from common.executors import run_inline
from common.rates import Rate
from data_fetcher.fetch_queue.deduplication_key import Requester
from data_fetcher.fetch_queue.queue import FetchQueue
from data_fetcher.omdb.admission import FetchMovie
from data_fetcher.omdb.lookups import ImdbIdLookup, TitleLookup
from data_layer.entities.audit_entry import AuditQuery
from data_layer.entities.fetch import FetchState
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_query import MovieQuery
from data_layer.entities.scope import Scope
from data_layer.ports.unit_of_work import UnitOfWorkFactory
from data_layer.testing.fakes.unit_of_work import FakeDatabase, FakeUnitOfWork
from movies_service.accounts.api_key_secrets import (
    PATTERN,
    PREFIX_CHARACTERS,
    is_well_formed,
    new_prefix,
    new_secret,
)
from movies_service.accounts.api_keys import ADMIN_NAME, USED_SECONDS, ApiKeys
from movies_service.accounts.caller import COMMAND_LINE, Caller
from movies_service.rate_limiting.rate_limiter import RateLimiter
from movies_service.rate_limiting.window_counters import WindowCounters
from movies_service.tests.conftest import SmallOmdb, store
from movies_service.use_cases import add_movie
from movies_service.use_cases.add_movie import AddedMovie, AddMovie
from movies_service.use_cases.movie_reference import (
    ID_MAX,
    ById,
    ByImdbId,
    ByTitle,
    parse_identifier,
    parse_reference,
)
from movies_service.use_cases.movies import Movies
from movies_service.use_cases.omdb_allowance import UNLIMITED, OmdbAllowance

ALIEN = MovieFacts(title="Alien", imdb_id="tt0078748", year=1979)
PSYCHO = MovieFacts(title="Psycho", imdb_id="tt0054215", year=1960, imdb_votes=9)
PSYCHO_1998 = MovieFacts(title="Psycho", imdb_id="tt0155975", year=1998)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", ById(1)),
        ("007", ById(7)),
        ("0", ById(0)),
        (str(2**63), ById(ID_MAX)),
        ("9" * 5_000, ById(ID_MAX)),
        ("tt0078748", ByImdbId("tt0078748")),
        ("TT0078748", ByImdbId("tt0078748")),
        ("tt123", ByTitle("tt123")),
        ("Alien", ByTitle("Alien")),
        ("1.0", ByTitle("1.0")),
        (" 1", ByTitle(" 1")),
        ("1_0", ByTitle("1_0")),
        ("١٢", ByTitle("١٢")),
        ("Face/Off", ByTitle("Face/Off")),
    ],
)
def test_a_reference_is_parsed_as_id_imdb_id_or_title(text: str, expected: object) -> None:
    assert parse_reference(text) == expected


@pytest.mark.parametrize("text", ["", "  ", "a\x00", "\ud800", "x" * 501])
def test_references_that_no_movie_can_have_are_rejected(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_reference(text)


def test_an_identifier_must_not_be_a_title() -> None:
    assert parse_identifier("3") == ById(3)
    with pytest.raises(InvalidInput, match="IMDb id"):
        parse_identifier("Alien")


def test_gets_a_movie_by_every_reference() -> None:
    database = FakeDatabase()
    alien, psycho, other = store(database, ALIEN, PSYCHO, PSYCHO_1998)
    movies = Movies(database)
    assert movies.get(ById(alien)).movie.id == alien
    assert movies.get(ByImdbId("tt0078748")).movie.id == alien
    found = movies.get(ByTitle("psycho"))
    assert found.movie.id == psycho
    assert [movie.id for movie in found.alternates] == [other]
    assert movies.get(ByTitle("psycho"), 1998).movie.id == other


@pytest.mark.parametrize("reference", [ById(1), ByImdbId("tt0000001"), ByTitle("Nothing")])
def test_get_raises_not_found(reference: ById | ByImdbId | ByTitle) -> None:
    with pytest.raises(NotFound):
        Movies(FakeDatabase()).get(reference)


def test_removes_a_movie() -> None:
    database = FakeDatabase()
    store(database, ALIEN, PSYCHO)
    movies = Movies(database)
    movies.remove(ByImdbId("tt0078748"), COMMAND_LINE)
    assert len(movies.list(MovieQuery()).movies) == 1
    with pytest.raises(NotFound):
        movies.remove(ByImdbId("tt0078748"), COMMAND_LINE)


def build_add_movie(
    unit_of_work: UnitOfWorkFactory,
    fetch_movie: FetchMovie,
    allowance: OmdbAllowance = UNLIMITED,
) -> AddMovie:
    return AddMovie(unit_of_work, FetchQueue(unit_of_work), fetch_movie, run_inline, allowance)


def limit(lookups: int) -> RateLimiter:
    """Return a limiter that admits a number of lookups of each caller."""
    return RateLimiter("lookups", Rate(lookups, 86_400), WindowCounters())


def test_a_stored_movie_is_not_fetched(omdb: SmallOmdb) -> None:
    database = FakeDatabase()
    (alien,) = store(database, ALIEN)
    add = build_add_movie(database, omdb.fetch)
    for lookup in (TitleLookup("ALIEN"), TitleLookup("Alien", 1979), ImdbIdLookup("tt0078748")):
        added = asyncio.run(add.run(lookup, Caller()))
        assert (added.movie.id, added.is_new) == (alien, False)
    assert omdb.calls == 0


def test_a_new_movie_is_fetched_and_stored(omdb: SmallOmdb) -> None:
    database = FakeDatabase()
    omdb.movies = [ALIEN]
    added = asyncio.run(build_add_movie(database, omdb.fetch).run(TitleLookup("Alien"), Caller()))
    assert added.is_new
    assert orjson.loads(added.movie.document)["imdb_id"] == "tt0078748"
    assert database.movies == {added.movie.id: ALIEN}


def test_a_movie_without_an_imdb_id_can_be_added(omdb: SmallOmdb) -> None:
    omdb.movies = [MovieFacts(title="Home Video")]
    added = asyncio.run(
        build_add_movie(FakeDatabase(), omdb.fetch).run(TitleLookup("Home Video"), Caller())
    )
    assert added.is_new


def test_another_title_of_a_stored_movie_adds_nothing(omdb: SmallOmdb) -> None:
    database = FakeDatabase()
    (alien,) = store(database, ALIEN)

    async def fetch(_lookup: object, _purpose: object) -> MovieFacts:
        return ALIEN

    added = asyncio.run(
        build_add_movie(database, fetch).run(TitleLookup("Alien: The Eighth Passenger"), Caller())
    )
    assert (added.movie.id, added.is_new) == (alien, False)


def test_100_concurrent_adds_cause_one_call_and_one_movie(omdb: SmallOmdb) -> None:
    database = FakeDatabase()
    omdb.movies = [ALIEN]
    add = build_add_movie(database, omdb.fetch)

    async def scenario() -> list[bool]:
        lookups = (add.run(TitleLookup(title), Caller()) for title in ["Alien", "Alien "] * 50)
        return [added.is_new for added in await asyncio.gather(*lookups)]

    assert sorted(asyncio.run(scenario())) == [False] * 99 + [True]
    assert omdb.calls == 1
    assert len(database.movies) == 1


def test_the_negative_cache_uses_no_allowance_up(omdb: SmallOmdb) -> None:
    add = build_add_movie(FakeDatabase(), omdb.fetch, OmdbAllowance(limit(2), limit(2)))

    async def scenario() -> None:
        for _ in range(3):
            with pytest.raises(NotFound):
                await add.run(TitleLookup("Alien"), Caller())
        omdb.movies = [PSYCHO, PSYCHO_1998]
        assert (await add.run(ImdbIdLookup("tt0054215"), Caller())).is_new
        with pytest.raises(TooManyRequests):
            await add.run(ImdbIdLookup("tt0155975"), Caller())

    asyncio.run(scenario())
    assert omdb.calls == 2


@pytest.mark.parametrize("is_refusal", [False, True])
def test_a_fetch_that_exists_uses_no_allowance_up(omdb: SmallOmdb, is_refusal: bool) -> None:
    database = FakeDatabase()
    FetchQueue(database).enqueue([TitleLookup("Alien")], Requester())
    add = build_add_movie(database, omdb.fetch, OmdbAllowance(daily_share=limit(2)))
    omdb.movies = [PSYCHO]
    error = UpstreamUnavailable("OMDb returned an error; retry later.")
    error.is_refusal = is_refusal

    async def scenario() -> None:
        assert (await add.run(ImdbIdLookup("tt0054215"), Caller())).is_new
        omdb.error = error
        with pytest.raises(UpstreamUnavailable):
            await add.run(TitleLookup("Alien"), Caller())
        omdb.error = None
        with pytest.raises(NotFound):
            await add.run(ImdbIdLookup("tt0000001"), Caller())
        with pytest.raises(TooManyRequests):
            await add.run(ImdbIdLookup("tt0155975"), Caller())

    asyncio.run(scenario())


def test_nothing_is_given_back_to_a_caller_without_a_share() -> None:
    allowance = OmdbAllowance(daily_share=limit(1))
    reader, writer = (
        Caller(name="user:alice", scopes=frozenset(scopes)) for scopes in ((), {Scope.MOVIES_WRITE})
    )

    async def scenario() -> None:
        await allowance.consume(reader)
        await allowance.consume(writer)
        allowance.give_back(writer, 1)
        with pytest.raises(TooManyRequests):
            await allowance.consume(reader)
        allowance.give_back_share(reader)
        await allowance.consume(reader)

    asyncio.run(scenario())


class OtherProcess:
    """Another process that has started to fetch a movie which is also added here."""

    def __init__(self, lease_seconds: float = 8) -> None:
        self.database = FakeDatabase()
        self.fetches = FetchQueue(self.database, lease_seconds=lease_seconds)
        self.fetch = self.fetches.start_or_join(TitleLookup("Alien"), Requester()).fetch

    def add_here(self, omdb: SmallOmdb, then: Callable[[], object] = lambda: None) -> AddedMovie:
        """Add the movie in this process, and call `then` 0.1 s later."""

        async def scenario() -> AddedMovie:
            asyncio.get_running_loop().call_later(0.1, then)
            return await build_add_movie(self.database, omdb.fetch).run(
                TitleLookup("Alien"), Caller()
            )

        return asyncio.run(scenario())


def test_add_waits_for_the_fetch_of_another_process(omdb: SmallOmdb) -> None:
    other = OtherProcess()
    added = other.add_here(omdb, lambda: other.fetches.complete([(other.fetch, ALIEN)]))
    assert (added.is_new, omdb.calls) == (False, 0)
    assert orjson.loads(added.movie.document)["imdb_id"] == "tt0078748"


def test_the_error_of_another_process_is_raised_here(omdb: SmallOmdb) -> None:
    other = OtherProcess()
    error = UpstreamTimeout("OMDb did not answer in time.")
    with pytest.raises(UpstreamTimeout):
        other.add_here(omdb, lambda: other.fetches.complete([(other.fetch, error)]))
    assert omdb.calls == 0


def test_a_fetch_cancelled_while_waiting_is_a_conflict(omdb: SmallOmdb) -> None:
    other = OtherProcess()
    with pytest.raises(Conflict, match="cancelled"):
        other.add_here(omdb, lambda: other.fetches.cancel(other.fetch.known_id))


def test_add_takes_over_an_expired_lease(omdb: SmallOmdb) -> None:
    other = OtherProcess(lease_seconds=0.3)
    omdb.movies = [ALIEN]
    assert other.add_here(omdb).is_new
    assert omdb.calls == 1


def test_waiting_for_another_process_times_out(
    omdb: SmallOmdb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(add_movie, "JOIN_SECONDS", 0.2)
    with pytest.raises(UpstreamTimeout, match="Another process"):
        OtherProcess().add_here(omdb)


def test_a_fetch_cancelled_during_the_request_is_not_stored() -> None:
    database = FakeDatabase()

    async def fetch(_lookup: object, _purpose: object) -> MovieFacts:
        FetchQueue(database).cancel(1)
        return ALIEN

    with pytest.raises(Conflict, match="cancelled"):
        asyncio.run(build_add_movie(database, fetch).run(TitleLookup("Alien"), Caller()))
    assert database.movies == {}


def test_a_response_with_the_id_of_another_movie_is_an_error(omdb: SmallOmdb) -> None:
    database = FakeDatabase()
    store(database, ALIEN)
    omdb.movies = [MovieFacts(title="Brazil", imdb_id="tt0078748", year=1985)]
    with pytest.raises(UpstreamBadResponse, match="IMDb id of another"):
        asyncio.run(build_add_movie(database, omdb.fetch).run(TitleLookup("Brazil"), Caller()))


def test_nothing_is_stored_when_omdb_fails(omdb: SmallOmdb) -> None:
    database = FakeDatabase()
    omdb.error = UpstreamUnavailable("OMDb can't be reached.")
    with pytest.raises(UpstreamUnavailable):
        asyncio.run(build_add_movie(database, omdb.fetch).run(TitleLookup("Alien"), Caller()))
    assert database.movies == {}


@pytest.mark.parametrize(
    ("is_refusal", "state"), [(True, FetchState.QUEUED), (False, FetchState.FAILED)]
)
def test_a_queued_fetch_stays_queued_when_the_request_of_a_client_for_it_is_refused(
    omdb: SmallOmdb, is_refusal: bool, state: FetchState
) -> None:
    database = FakeDatabase()
    queue = FetchQueue(database)
    (queued,) = queue.enqueue([TitleLookup("Alien")], Requester())
    omdb.error = UpstreamUnavailable("OMDb returned an error.", is_refusal=is_refusal)
    with pytest.raises(UpstreamUnavailable):
        asyncio.run(build_add_movie(database, omdb.fetch).run(TitleLookup("Alien"), Caller()))
    assert queue.get(queued.known_id).state is state


def test_a_movie_stored_concurrently_is_returned(omdb: SmallOmdb) -> None:
    database = FakeDatabase()
    omdb.movies = [ALIEN]
    races = iter([False, True])  # The first commit stores the fetch.

    class RacingUnitOfWork(FakeUnitOfWork):
        def commit(self) -> None:
            if next(races, False):
                store(database, ALIEN)
                raise Conflict("The change conflicts with a concurrent write.")
            super().commit()

    def open_unit(*, is_read_only: bool = False) -> FakeUnitOfWork:
        kind = FakeUnitOfWork if is_read_only else RacingUnitOfWork
        return kind(database, is_read_only=is_read_only)

    added = asyncio.run(build_add_movie(open_unit, omdb.fetch).run(TitleLookup("Alien"), Caller()))
    assert not added.is_new
    assert len(database.movies) == 1


NOW = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)


def test_a_key_authenticates_and_only_its_hash_is_stored() -> None:
    database = FakeDatabase()
    keys = ApiKeys(database, lambda: NOW)
    secret = keys.create("robot", {Scope.MOVIES_DELETE}, NOW + dt.timedelta(days=1)).secret
    assert secret.startswith("mvs_")
    assert keys.authenticate(secret).name == "robot"
    assert secret not in repr(database.api_keys)
    assert secret[PREFIX_CHARACTERS + 1 :] not in repr(database.api_keys)


def test_all_authentication_failures_have_the_same_message() -> None:
    database = FakeDatabase()
    clock = [NOW]
    keys = ApiKeys(database, lambda: clock[0])
    valid = keys.create("valid", {Scope.ADMIN}).secret
    revoked = keys.create("revoked", {Scope.ADMIN}).secret
    expired = keys.create("expired", {Scope.ADMIN}, NOW + dt.timedelta(seconds=1)).secret
    forged = new_secret(valid[:PREFIX_CHARACTERS])
    keys.revoke("revoked")
    clock[0] += dt.timedelta(seconds=1)
    messages = set()
    for secret in (new_secret(new_prefix()), forged, revoked, expired):
        with pytest.raises(Unauthenticated) as raised:
            keys.authenticate(secret)
        messages.add(raised.value.message)
    assert len(messages) == 1
    assert keys.authenticate(valid).name == "valid"


def test_a_malformed_key_is_rejected_without_a_database_query() -> None:
    def open_nothing(*, is_read_only: bool = False) -> FakeUnitOfWork:
        raise AssertionError("The database was queried.")

    keys = ApiKeys(open_nothing)
    secret = new_secret(new_prefix())
    swapped = secret[:20] + secret[21] + secret[20] + secret[22:]
    other = secret[:-1] + ("0" if secret[-1] != "0" else "1")
    mistyped = ["", "mvs_", "é" * 62, secret[:-1], secret + "x", secret.upper(), other, swapped]
    # `swapped` is the secret itself if both characters are equal.
    for each in (each for each in mistyped if each != secret):
        with pytest.raises(Unauthenticated, match="a character is wrong or missing"):
            keys.authenticate(each)


def test_keys_match_the_scanner_pattern_and_the_checksum_is_optional() -> None:
    secret = new_secret(new_prefix())
    assert PATTERN.search(f"key={secret}&x")[0] == secret  # type: ignore[index]  # It matches.
    assert is_well_formed(secret)
    assert is_well_formed(secret[:-6])


def test_a_replaced_secret_is_valid_for_the_grace_period() -> None:
    clock = [NOW]
    keys = ApiKeys(FakeDatabase(), lambda: clock[0])
    created = keys.create("robot", {Scope.ADMIN})
    second = keys.rotate(created.key.id, 60, COMMAND_LINE)
    assert second.key.id == created.key.id
    for secret in (created.secret, second.secret):
        assert keys.authenticate(secret).name == "robot"
    third = keys.rotate(created.key.id, 60, COMMAND_LINE)
    with pytest.raises(Unauthenticated):
        keys.authenticate(created.secret)
    clock[0] += dt.timedelta(seconds=60)
    with pytest.raises(Unauthenticated):
        keys.authenticate(second.secret)
    assert keys.authenticate(third.secret).name == "robot"
    keys.revoke("robot")
    with pytest.raises(Conflict, match="create a new one"):
        keys.rotate(created.key.id, 60, COMMAND_LINE)


def test_uses_are_recorded_at_most_once_an_hour() -> None:
    clock = [NOW]
    database = FakeDatabase()
    keys = ApiKeys(database, lambda: clock[0])
    created = keys.create("robot", {Scope.ADMIN})
    assert keys.is_use_worth_recording(created.key)
    keys.record_use(created.key)
    used = keys.get(created.key.id)
    assert used.last_used_at == NOW
    clock[0] += dt.timedelta(seconds=USED_SECONDS)
    assert not keys.is_use_worth_recording(used)
    clock[0] += dt.timedelta(seconds=1)
    assert keys.is_use_worth_recording(used)
    database.api_keys.clear()
    keys.record_use(created.key)
    assert database.api_keys == {}


def test_names_of_revoked_keys_stay_reserved() -> None:
    keys = ApiKeys(FakeDatabase(), lambda: NOW)
    keys.create("robot", {Scope.ADMIN})
    keys.revoke("robot")
    keys.revoke("robot")
    with pytest.raises(Conflict):
        keys.create("robot", {Scope.ADMIN})
    with pytest.raises(NotFound):
        keys.revoke("unknown")


def test_the_first_key_is_created_once() -> None:
    keys = ApiKeys(FakeDatabase(), lambda: NOW)
    secrets: list[str] = []
    keys.create_first(secrets.append)
    keys.create_first(secrets.append)
    (secret,) = secrets
    assert keys.authenticate(secret).scopes == {Scope.ADMIN}
    assert [key.name for key in keys.list()] == [ADMIN_NAME]


def test_another_process_may_create_the_first_key_concurrently() -> None:
    database = FakeDatabase()

    class LateKeys(ApiKeys):
        def list(self) -> tuple[()]:
            return ()

    secrets: list[str] = []
    ApiKeys(database).create_first(secrets.append)
    LateKeys(database).create_first(secrets.append)
    assert len(secrets) == 1


def test_a_key_is_shown_after_its_commit_and_deleted_if_that_fails() -> None:
    database = FakeDatabase()
    keys = ApiKeys(database)

    def show(secret: str) -> None:
        assert keys.authenticate(secret).name == "robot"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        keys.create_shown("robot", {Scope.ADMIN}, show)
    assert keys.list() == ()
    keys.create("robot", {Scope.ADMIN})
    with database() as uow:
        actions = [entry.action for entry in uow.audit.list(AuditQuery())]
    assert actions == ["api_key.created", "api_key.removed", "api_key.created"]
