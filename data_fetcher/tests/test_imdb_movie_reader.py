import dataclasses
import gzip
import random
from collections.abc import Iterable
from pathlib import Path

import pytest

from common.errors import InvalidInput
from data_fetcher.imdb import movie_reader as joining
from data_fetcher.imdb.files import find_files
from data_fetcher.imdb.line_errors import LineFaults
from data_fetcher.imdb.movie_reader import FilmBatch, film_batches
from data_fetcher.imdb.selection import Selection
from data_fetcher.movie_json.document import FilmJson
from data_fetcher.sample_data.imdb_files import Amounts, generate
from data_fetcher.tests import imdb_folder as imdb
from data_layer.entities.movie import MovieFacts

ALL = Selection(includes_adult=True)


def batches(
    folder: Path,
    selection: Selection = ALL,
    *,
    after: str | None = None,
    faults: LineFaults | None = None,
) -> list[FilmBatch]:
    faults = faults or LineFaults()
    found = film_batches(find_files(folder), selection, staging=folder, faults=faults, after=after)
    return list(found)


def films(
    folder: Path,
    selection: Selection = ALL,
    *,
    after: str | None = None,
    faults: LineFaults | None = None,
) -> list[MovieFacts]:
    found = batches(folder, selection, after=after, faults=faults)
    return [film for batch in found for film in batch.films]


def titles(found: Iterable[MovieFacts]) -> list[str]:
    return [film.title for film in found]


def shuffle(path: Path, name: str) -> None:
    """Put the lines of a file, but for the first one, in another order."""
    header, *lines = gzip.decompress(path.read_bytes()).splitlines()
    random.Random(1).shuffle(lines)  # noqa: S311 - No secret.
    imdb.write(path.parent, name, header, *lines)


@pytest.fixture
def alien(tmp_path: Path) -> Path:
    """A folder with all files, but for those that are not read."""
    imdb.write(
        tmp_path,
        "title.basics",
        imdb.BASICS,
        "tt0078748\tmovie\tAlien\tAlien\t0\t1979\t\\N\t117\tHorror,Sci-Fi",
        "tt0944947\ttvSeries\tGame of Thrones\tGame of Thrones\t0\t2011\t2019\t60\tDrama",
    )
    imdb.write(tmp_path, "title.ratings", imdb.RATINGS, "tt0078748\t8.5\t1000000")
    imdb.write(
        tmp_path,
        "title.crew",
        imdb.CREW,
        "tt0078748\tnm0000631\tnm0639321,nm0795953",
        "tt0944947\t\\N\t\\N",
    )
    imdb.write(
        tmp_path,
        "title.principals",
        imdb.PRINCIPALS,
        imdb.played(78748, 10, 457),
        imdb.played(78748, 1, 244, "actress"),
        imdb.played(78748, 2, 643, "self"),
        imdb.played(78748, 3, 643),
        imdb.played(78748, 4, 631, "director"),
        imdb.played(78748, 5, 999_999),
        imdb.played(78748, 6, 7, "archive_footage"),
    )
    imdb.write(
        tmp_path,
        "name.basics",
        imdb.NAMES,
        imdb.person(7, "Archived"),
        imdb.person(244, "Sigourney Weaver"),
        imdb.person(457, "John Hurt"),
        imdb.person(631, "Ridley Scott"),
        imdb.person(643, "Tom Skerritt"),
        imdb.person(639_321, "Dan O'Bannon"),
        imdb.person(795_953, "Ronald Shusett"),
    )
    return tmp_path


def test_a_film_has_what_all_files_say(alien: Path) -> None:
    (batch,) = batches(alien)
    assert batch.films == [
        MovieFacts(
            title="Alien",
            imdb_id="tt0078748",
            year=1979,
            runtime_minutes=117,
            genres=("Horror", "Sci-Fi"),
            directors=("Ridley Scott",),
            writers=("Dan O'Bannon", "Ronald Shusett"),
            cast=("Sigourney Weaver", "Tom Skerritt", "John Hurt"),
            imdb_rating=8.5,
            imdb_votes=1_000_000,
        ),
        MovieFacts(
            title="Game of Thrones",
            imdb_id="tt0944947",
            year=2011,
            end_year=2019,
            type="series",
            runtime_minutes=60,
            genres=("Drama",),
        ),
    ]
    assert batch.position.after == "tt0944947"
    assert batch.position.titles == 2
    assert batch.position.bytes_read == batch.position.bytes_total


def test_files_that_are_missing_are_missed_in_the_films_only(alien: Path) -> None:
    (alien / "title.crew.tsv.gz").unlink()
    film, _series = films(alien)
    assert film.cast
    assert not film.directors
    (alien / "title.principals.tsv.gz").unlink()
    (alien / "title.ratings.tsv.gz").unlink()
    film, _series = films(alien)
    assert film.title == "Alien"
    assert film.imdb_votes is None
    assert not film.cast


def test_without_names_there_are_no_credits(alien: Path) -> None:
    (alien / "name.basics.tsv.gz").unlink()
    film, _series = films(alien)
    assert film.imdb_votes == 1_000_000
    assert not film.directors + film.cast


def test_votes_need_the_file_of_ratings(alien: Path) -> None:
    assert titles(films(alien, Selection(min_votes=1_000_000))) == ["Alien"]
    assert not films(alien, Selection(min_votes=1_000_001))
    (alien / "title.ratings.tsv.gz").unlink()
    with pytest.raises(InvalidInput, match=r"known from title\.ratings\.tsv\.gz, which is not"):
        batches(alien, Selection(min_votes=1))


def test_takes_what_is_selected(tmp_path: Path) -> None:
    imdb.write(
        tmp_path,
        "title.basics",
        imdb.BASICS,
        imdb.title(1, text="Old", years="1890\t\\N"),
        imdb.title(2, "short", "Short"),
        imdb.title(3, "tvMiniSeries", "Series"),
        imdb.title(4, "tvPilot", "Episode"),
        imdb.title(5, "videoGame", "Game"),
        imdb.title(6, text="Adult", adult=1),
        imdb.title(7, text="Undated", years="\\N\t\\N"),
        imdb.title(8, text="New", years="2020\t\\N"),
    )
    everything = ["Old", "Short", "Series", "Episode", "Game", "Undated", "New"]
    assert titles(films(tmp_path, Selection())) == everything
    assert "Adult" in titles(films(tmp_path))
    assert titles(films(tmp_path, Selection(since=1980))) == ["New"]
    assert titles(films(tmp_path, Selection(until=1900))) == ["Old"]
    assert titles(films(tmp_path, Selection(since=2020, until=2020))) == ["New"]
    types = Selection(types=frozenset({"game", "series"}))
    assert titles(films(tmp_path, types)) == ["Series", "Game"]


def test_a_selection_that_nothing_meets_is_refused() -> None:
    with pytest.raises(InvalidInput, match="one type at least"):
        Selection(types=frozenset())
    with pytest.raises(InvalidInput, match="0 at least"):
        Selection(min_votes=-1)
    with pytest.raises(InvalidInput, match="behind the last"):
        Selection(since=2000, until=1999)


def test_what_cannot_be_understood_is_unknown(tmp_path: Path) -> None:
    imdb.write(
        tmp_path,
        "title.basics",
        imdb.BASICS,
        "tt0000001\ttvSeries\t x \tx\t0\t1700\tsoon\t0\t\\N",
        "tt0000002\ttvSeries\tx\tx\t?\t1999\t1998\t-5\tDrama,, Drama",
        b"tt0000003\tmovie\tx\tx\t0\t99999999999999999999\t1\t1.5\tA\xffb",
    )
    ratings = ("nan\t5", "11.0\t-1", "high\tmany")
    imdb.write(
        tmp_path,
        "title.ratings",
        imdb.RATINGS,
        *(f"{imdb.tt(number)}\t{rating}" for number, rating in enumerate(ratings, 1)),
    )
    first, second, third = films(tmp_path)
    assert first == MovieFacts(title="x", imdb_id="tt0000001", type="series", imdb_votes=5)
    assert second == MovieFacts(
        title="x", imdb_id="tt0000002", type="series", year=1999, genres=("Drama",)
    )
    assert third == MovieFacts(title="x", imdb_id="tt0000003", genres=("Ab",))


def test_lines_of_basics_that_are_no_titles_are_left_out(tmp_path: Path) -> None:
    imdb.write(
        tmp_path,
        "title.basics",
        imdb.BASICS,
        imdb.title(1),
        imdb.title(1),
        imdb.title("tt00000015x"),
        "tt0000002\tmovie",
        imdb.title(3, "hologram"),
        imdb.title(4, text="\\N"),
        imdb.title(5, text="x" * 501),
        imdb.title(6).encode().replace(b"Alien", b"\xff"),
        imdb.title(7, text=" "),
        imdb.title(8, text="x" * 500),
    )
    faults = LineFaults()
    assert [film.imdb_id for film in films(tmp_path, faults=faults)] == ["tt0000001", "tt0000008"]
    assert [str(fault).split(".gz, ")[1] for fault in faults.kept] == [
        "line 3: an id that no line above has was expected.",
        "line 4: an id that no line above has was expected.",
        "line 5: 9 fields, and not 2, was expected.",
        "line 6: a titleType such as tvSeries was expected.",
        "line 7: a title of 1 to 500 characters was expected.",
        "line 8: a title of 1 to 500 characters was expected.",
        "line 9: UTF-8 was expected.",
        "line 10: a title of 1 to 500 characters was expected.",
    ]


def test_lines_of_other_files_that_say_nothing_are_left_out(alien: Path) -> None:
    imdb.write(alien, "title.ratings", imdb.RATINGS, "tt0078748\t8.5", "tt0078749")
    imdb.write(alien, "title.crew", imdb.CREW, "tt0078748\tnm0000631\tRidley Scott")
    imdb.write(
        alien,
        "title.principals",
        imdb.PRINCIPALS,
        imdb.played(78748, 1, 244),
        "tt0078748\tfirst\tnm0000244\tactor\t\\N\t\\N",
    )
    imdb.write(
        alien,
        "name.basics",
        imdb.NAMES,
        imdb.person(1, "\\N"),
        "nm0000116",
        imdb.person(244, "Sigourney Weaver"),
        imdb.person(245, "x").replace("nm0000245", "nm000024x"),
        imdb.person(631, "?").encode().replace(b"?", b"\xff"),
        imdb.person(643, "Tom"),
    )
    faults = LineFaults()
    film, _series = films(alien, faults=faults)
    assert film.cast == ("Sigourney Weaver",)
    assert film.imdb_votes is None
    assert sorted((fault.file.split(".tsv")[0], fault.line) for fault in faults.kept) == [
        ("name.basics", 3),
        ("name.basics", 5),
        ("name.basics", 6),
        ("title.crew", 2),
        ("title.principals", 3),
        ("title.ratings", 2),
    ]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 2,500 titles, in IMDb's order."""
    folder = tmp_path_factory.mktemp("made")
    generate(folder, Amounts(2_500, 400, 4_000), 1, lambda _done, _total: None)
    return folder


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    for path in made.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_films_are_as_the_catalogue_wants_them(made: Path) -> None:
    found = films(made)
    assert len(found) == 2_500
    for film in found[::10]:
        fields = {key: value for key, value in dataclasses.asdict(film).items() if value}
        assert FilmJson.model_validate(fields, strict=False).to_facts() == film


def test_every_line_finds_its_title(made: Path) -> None:
    def lines(name: str) -> list[list[str]]:
        text = gzip.decompress((made / f"{name}.tsv.gz").read_bytes()).decode()
        return [line.split("\t") for line in text.split("\n")[1:-1]]

    names = {nconst: name for nconst, name, *_ in lines("name.basics")}
    casts: dict[str, dict[str, None]] = {}
    for title_id, _ordering, nconst, category, *_ in lines("title.principals"):
        if category in {"actor", "actress", "self"}:
            casts.setdefault(title_id, {})[names[nconst]] = None
    votes = {title_id: int(count) for title_id, _average, count in lines("title.ratings")}
    directors = {title_id: people.split(",") for title_id, people, _writers in lines("title.crew")}
    for film in films(made):
        assert film.imdb_id is not None
        assert film.cast == tuple(casts.get(film.imdb_id, ()))
        assert film.imdb_votes == votes.get(film.imdb_id)
        of_film = [names[nconst] for nconst in directors[film.imdb_id] if nconst != "\\N"]
        assert film.directors == tuple(dict.fromkeys(of_film))


@pytest.mark.parametrize("after_batch", range(3))
def test_goes_on_behind_the_last_title(made: Path, after_batch: int) -> None:
    whole = batches(made)
    assert [len(batch.films) for batch in whole] == [1_000, 1_000, 500]
    assert [batch.position.titles for batch in whole] == [1_000, 2_000, 2_500]
    rest = batches(made, after=whole[after_batch].position.after)
    assert rest == whole[after_batch + 1 :]


def test_goes_on_behind_a_title_that_has_gone(tmp_path: Path) -> None:
    imdb.write(tmp_path, "title.basics", imdb.BASICS, *map(imdb.title, (1, 2, 4)))
    assert [film.imdb_id for film in films(tmp_path, after="tt0000003")] == ["tt0000004"]
    with pytest.raises(InvalidInput, match="begins with tt"):
        batches(tmp_path, after="0078748")


@pytest.mark.parametrize("name", ["title.ratings", "title.crew", "title.principals"])
def test_a_file_that_is_out_of_step_says_the_same(copy: Path, made: Path, name: str) -> None:
    shuffle(copy / f"{name}.tsv.gz", name)
    assert films(copy) == films(made)


def test_titles_out_of_order_are_put_in_order(copy: Path, made: Path) -> None:
    shuffle(copy / "title.basics.tsv.gz", "title.basics")
    assert films(copy) == films(made)
    after = batches(made)[1].position.after
    assert films(copy, after=after) == films(made, after=after)


def test_titles_may_be_in_the_order_of_their_numbers(copy: Path, made: Path) -> None:
    for name in ("title.basics", "title.principals"):
        path = copy / f"{name}.tsv.gz"
        header, *lines = gzip.decompress(path.read_bytes()).splitlines()
        lines.sort(key=lambda line: int(line[2:].split(b"\t")[0]))
        imdb.write(copy, name, header, *lines)
    found = films(copy)
    assert [film.imdb_id for film in found] == sorted(
        [film.imdb_id or "" for film in found], key=lambda found: int(found[2:])
    )
    assert sorted(found, key=lambda film: film.imdb_id or "") == films(made)


def test_progress_shows_where_hardly_anything_is_selected(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining, "BLOCKS_AT_ONCE", 1)
    monkeypatch.setattr("data_fetcher.imdb.tsv_file.BLOCK_BYTES", 65_536)
    selection = Selection(types=frozenset({"game"}))
    found = batches(made, selection)
    assert len(found) > 1
    assert max(len(batch.films) for batch in found) < 20
    assert found[-1].position.titles == 2_500
    assert not batches(made, selection, after=found[-1].position.after)


def test_nothing_comes_of_no_titles(tmp_path: Path) -> None:
    imdb.write(tmp_path, "title.basics", imdb.BASICS)
    assert not batches(tmp_path)


def test_names_that_many_others_have_followed_are_still_known(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = films(made)
    monkeypatch.setattr("data_fetcher.imdb.name_index._REMEMBERED", 100)
    assert films(made) == expected


def test_tells_how_far_the_preparation_is(made: Path) -> None:
    told: list[tuple[int, int | None]] = []
    found = film_batches(
        find_files(made),
        ALL,
        staging=made,
        faults=LineFaults(),
        advance=lambda done, total: told.append((done, total)),
    )
    next(iter(found))
    done, total = told[-1]
    assert done == total
    assert sorted(told) == told


def test_leaves_nothing_behind(made: Path, tmp_path: Path) -> None:
    found = film_batches(find_files(made), ALL, staging=tmp_path, faults=LineFaults())
    assert not list(tmp_path.iterdir())
    next(found)
    assert len(list(tmp_path.iterdir())) == 1
    found.close()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_missing_is_told(made: Path, tmp_path: Path) -> None:
    found = film_batches(find_files(made), ALL, staging=tmp_path / "x", faults=LineFaults())
    with pytest.raises(InvalidInput, match="staging can't be written to"):
        next(found)
