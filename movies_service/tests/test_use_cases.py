import asyncio
import datetime as dt
from collections.abc import Callable

import orjson
import pytest

from common.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    Unauthenticated,
    UpstreamInvalid,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from common.executors import run_inline
from data_fetcher.fetch_queue.deduplication_key import Wisher
from data_fetcher.fetch_queue.queue import Fetches
from data_fetcher.omdb.admission import Ask
from data_fetcher.omdb.lookups import ImdbWish, TitleWish
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_query import MovieQuery
from data_layer.entities.scope import Scope
from data_layer.ports.unit_of_work import UnitOfWorkFactory
from data_layer.testing.fakes.unit_of_work import FakeDatabase, FakeUnitOfWork
from movies_service.accounts.api_key_format import (
    PATTERN,
    PREFIX_CHARACTERS,
    is_well_formed,
    new_prefix,
    new_secret,
)
from movies_service.accounts.api_keys import ADMIN_NAME, USED_SECONDS, ApiKeys
from movies_service.accounts.caller import COMMAND_LINE, Caller
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
def test_a_reference_is_an_id_an_imdb_id_or_a_title(text: str, expected: object) -> None:
    assert parse_reference(text) == expected


@pytest.mark.parametrize("text", ["", "  ", "a\x00", "\ud800", "x" * 501])
def test_no_reference_is_what_no_film_can_have(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_reference(text)


def test_an_identifier_is_no_title() -> None:
    assert parse_identifier("3") == ById(3)
    with pytest.raises(InvalidInput, match="IMDb id"):
        parse_identifier("Alien")


def test_gets_a_film_by_every_reference() -> None:
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
def test_says_that_there_is_no_such_film(reference: ById | ByImdbId | ByTitle) -> None:
    with pytest.raises(NotFound):
        Movies(FakeDatabase()).get(reference)


def test_removes_a_film() -> None:
    database = FakeDatabase()
    store(database, ALIEN, PSYCHO)
    movies = Movies(database)
    movies.remove(ByImdbId("tt0078748"), COMMAND_LINE)
    assert len(movies.list(MovieQuery()).movies) == 1
    with pytest.raises(NotFound):
        movies.remove(ByImdbId("tt0078748"), COMMAND_LINE)


def adding(unit_of_work: UnitOfWorkFactory, ask: Ask) -> AddMovie:
    return AddMovie(unit_of_work, Fetches(unit_of_work), ask, run_inline)


def test_a_film_that_is_there_is_not_fetched(omdb: SmallOmdb) -> None:
    database = FakeDatabase()
    (alien,) = store(database, ALIEN)
    add = adding(database, omdb.fetch)
    for wish in (TitleWish("ALIEN"), TitleWish("Alien", 1979), ImdbWish("tt0078748")):
        added = asyncio.run(add.run(wish, Caller()))
        assert (added.movie.id, added.is_new) == (alien, False)
    assert omdb.calls == 0


def test_a_new_film_is_fetched_and_stored(omdb: SmallOmdb) -> None:
    database = FakeDatabase()
    omdb.films = [ALIEN]
    added = asyncio.run(adding(database, omdb.fetch).run(TitleWish("Alien"), Caller()))
    assert added.is_new
    assert orjson.loads(added.movie.document)["imdb_id"] == "tt0078748"
    assert database.movies == {added.movie.id: ALIEN}


def test_a_film_without_an_imdb_id_can_be_added(omdb: SmallOmdb) -> None:
    omdb.films = [MovieFacts(title="Home Video")]
    added = asyncio.run(adding(FakeDatabase(), omdb.fetch).run(TitleWish("Home Video"), Caller()))
    assert added.is_new


def test_another_title_of_a_film_that_is_there_adds_nothing(omdb: SmallOmdb) -> None:
    database = FakeDatabase()
    (alien,) = store(database, ALIEN)

    async def fetch(_wish: object, _purpose: object) -> MovieFacts:
        return ALIEN

    added = asyncio.run(
        adding(database, fetch).run(TitleWish("Alien: The Eighth Passenger"), Caller())
    )
    assert (added.movie.id, added.is_new) == (alien, False)


def test_a_hundred_wishes_are_one_call_and_one_film(omdb: SmallOmdb) -> None:
    database = FakeDatabase()
    omdb.films = [ALIEN]
    add = adding(database, omdb.fetch)

    async def scenario() -> list[bool]:
        wishes = (add.run(TitleWish(title), Caller()) for title in ["Alien", "Alien "] * 50)
        return [added.is_new for added in await asyncio.gather(*wishes)]

    assert sorted(asyncio.run(scenario())) == [False] * 99 + [True]
    assert omdb.calls == 1
    assert len(database.movies) == 1


class OtherProcess:
    """Has begun to fetch a film that is wished for here, too."""

    def __init__(self, lease_seconds: float = 8) -> None:
        self.database = FakeDatabase()
        self.fetches = Fetches(self.database, lease_seconds=lease_seconds)
        self.fetch = self.fetches.begin(TitleWish("Alien"), Wisher()).fetch

    def add_here(self, omdb: SmallOmdb, then: Callable[[], object] = lambda: None) -> AddedMovie:
        """Add the film here, and do something a moment later."""

        async def scenario() -> AddedMovie:
            asyncio.get_running_loop().call_later(0.1, then)
            return await adding(self.database, omdb.fetch).run(TitleWish("Alien"), Caller())

        return asyncio.run(scenario())


def test_a_film_that_another_process_fetches_is_waited_for(omdb: SmallOmdb) -> None:
    other = OtherProcess()
    added = other.add_here(omdb, lambda: other.fetches.settle([(other.fetch, ALIEN)]))
    assert (added.is_new, omdb.calls) == (False, 0)
    assert orjson.loads(added.movie.document)["imdb_id"] == "tt0078748"


def test_a_film_that_another_process_does_not_get_is_an_error_here(omdb: SmallOmdb) -> None:
    other = OtherProcess()
    error = UpstreamTimeout("OMDb did not answer in time.")
    with pytest.raises(UpstreamTimeout):
        other.add_here(omdb, lambda: other.fetches.settle([(other.fetch, error)]))
    assert omdb.calls == 0


def test_a_film_that_is_cancelled_meanwhile_is_a_conflict(omdb: SmallOmdb) -> None:
    other = OtherProcess()
    with pytest.raises(Conflict, match="cancelled"):
        other.add_here(omdb, lambda: other.fetches.cancel(other.fetch.known_id))


def test_a_film_whose_fetcher_has_died_is_fetched_here(omdb: SmallOmdb) -> None:
    other = OtherProcess(lease_seconds=0.3)
    omdb.films = [ALIEN]
    assert other.add_here(omdb).is_new
    assert omdb.calls == 1


def test_nobody_waits_for_another_process_for_ever(
    omdb: SmallOmdb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(add_movie, "JOIN_SECONDS", 0.2)
    with pytest.raises(UpstreamTimeout, match="Somebody else"):
        OtherProcess().add_here(omdb)


def test_a_film_that_is_cancelled_while_it_is_fetched_here_is_not_stored() -> None:
    database = FakeDatabase()

    async def fetch(_wish: object, _purpose: object) -> MovieFacts:
        Fetches(database).cancel(1)
        return ALIEN

    with pytest.raises(Conflict, match="cancelled"):
        asyncio.run(adding(database, fetch).run(TitleWish("Alien"), Caller()))
    assert database.movies == {}


def test_a_film_with_the_id_of_another_one_is_an_error(omdb: SmallOmdb) -> None:
    database = FakeDatabase()
    store(database, ALIEN)
    omdb.films = [MovieFacts(title="Brazil", imdb_id="tt0078748", year=1985)]
    with pytest.raises(UpstreamInvalid, match="another film"):
        asyncio.run(adding(database, omdb.fetch).run(TitleWish("Brazil"), Caller()))


def test_nothing_is_stored_when_omdb_fails(omdb: SmallOmdb) -> None:
    database = FakeDatabase()
    omdb.error = UpstreamUnavailable("OMDb can't be reached.")
    with pytest.raises(UpstreamUnavailable):
        asyncio.run(adding(database, omdb.fetch).run(TitleWish("Alien"), Caller()))
    assert database.movies == {}


def test_a_film_that_another_process_stores_meanwhile_is_found(omdb: SmallOmdb) -> None:
    database = FakeDatabase()
    omdb.films = [ALIEN]
    races = iter([False, True])  # The first commit is that of the wish.

    class RacingUnitOfWork(FakeUnitOfWork):
        def commit(self) -> None:
            if next(races, False):
                store(database, ALIEN)
                raise Conflict("It contradicts what was stored meanwhile.")
            super().commit()

    def open_unit(*, is_read_only: bool = False) -> FakeUnitOfWork:
        kind = FakeUnitOfWork if is_read_only else RacingUnitOfWork
        return kind(database, is_read_only=is_read_only)

    added = asyncio.run(adding(open_unit, omdb.fetch).run(TitleWish("Alien"), Caller()))
    assert not added.is_new
    assert len(database.movies) == 1


NOW = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)


def test_a_key_opens_and_only_its_hash_is_kept() -> None:
    database = FakeDatabase()
    keys = ApiKeys(database, lambda: NOW)
    secret = keys.create("robot", {Scope.MOVIES_DELETE}, NOW + dt.timedelta(days=1)).secret
    assert secret.startswith("mvs_")
    assert keys.authenticate(secret).name == "robot"
    assert secret not in repr(database.api_keys)
    assert secret[PREFIX_CHARACTERS + 1 :] not in repr(database.api_keys)


def test_every_refusal_says_the_same() -> None:
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


def test_a_mistyped_key_is_found_out_before_the_database_is_asked() -> None:
    def open_nothing(*, is_read_only: bool = False) -> FakeUnitOfWork:
        raise AssertionError("The database was asked.")

    keys = ApiKeys(open_nothing)
    secret = new_secret(new_prefix())
    swapped = secret[:20] + secret[21] + secret[20] + secret[22:]
    other = secret[:-1] + ("0" if secret[-1] != "0" else "1")
    mistyped = ["", "mvs_", "é" * 62, secret[:-1], secret + "x", secret.upper(), other, swapped]
    for each in (each for each in mistyped if each != secret):  # Two equal ones may be swapped.
        with pytest.raises(Unauthenticated, match="a character is wrong or missing"):
            keys.authenticate(each)


def test_scanners_recognise_a_key_and_keys_without_a_checksum_still_open() -> None:
    secret = new_secret(new_prefix())
    assert PATTERN.search(f"key={secret}&x")[0] == secret  # type: ignore[index]  # It is found.
    assert is_well_formed(secret)
    assert is_well_formed(secret[:-6])


def test_a_rotated_key_opens_for_a_while_beside_the_new_one() -> None:
    clock = [NOW]
    keys = ApiKeys(FakeDatabase(), lambda: clock[0])
    made = keys.create("robot", {Scope.ADMIN})
    second = keys.rotate(made.key.id, 60, COMMAND_LINE)
    assert second.key.id == made.key.id
    for secret in (made.secret, second.secret):
        assert keys.authenticate(secret).name == "robot"
    third = keys.rotate(made.key.id, 60, COMMAND_LINE)
    with pytest.raises(Unauthenticated):
        keys.authenticate(made.secret)
    clock[0] += dt.timedelta(seconds=60)
    with pytest.raises(Unauthenticated):
        keys.authenticate(second.secret)
    assert keys.authenticate(third.secret).name == "robot"
    keys.revoke("robot")
    with pytest.raises(Conflict, match="make a new one"):
        keys.rotate(made.key.id, 60, COMMAND_LINE)


def test_a_use_is_written_down_now_and_then() -> None:
    clock = [NOW]
    database = FakeDatabase()
    keys = ApiKeys(database, lambda: clock[0])
    made = keys.create("robot", {Scope.ADMIN})
    assert keys.is_use_worth_noting(made.key)
    keys.note_use(made.key)
    used = keys.get(made.key.id)
    assert used.last_used_at == NOW
    clock[0] += dt.timedelta(seconds=USED_SECONDS)
    assert not keys.is_use_worth_noting(used)
    clock[0] += dt.timedelta(seconds=1)
    assert keys.is_use_worth_noting(used)
    database.api_keys.clear()
    keys.note_use(made.key)
    assert database.api_keys == {}


def test_a_name_is_taken_for_ever() -> None:
    keys = ApiKeys(FakeDatabase(), lambda: NOW)
    keys.create("robot", {Scope.ADMIN})
    keys.revoke("robot")
    keys.revoke("robot")
    with pytest.raises(Conflict):
        keys.create("robot", {Scope.ADMIN})
    with pytest.raises(NotFound):
        keys.revoke("nobody")


def test_the_first_key_is_made_once() -> None:
    keys = ApiKeys(FakeDatabase(), lambda: NOW)
    secret = keys.create_first()
    assert secret is not None
    assert keys.authenticate(secret).scopes == {Scope.ADMIN}
    assert keys.create_first() is None
    assert [key.name for key in keys.list()] == [ADMIN_NAME]


def test_the_first_key_may_be_made_by_another_process_at_the_same_moment() -> None:
    database = FakeDatabase()

    class LateKeys(ApiKeys):
        def list(self) -> tuple[()]:
            return ()

    ApiKeys(database).create_first()
    assert LateKeys(database).create_first() is None
