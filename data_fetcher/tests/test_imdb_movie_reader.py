"""Merge join of IMDb's data sets into movies."""

import dataclasses
import gzip
import random
from collections.abc import Iterable
from pathlib import Path

import pytest

from common.errors import InvalidInput
from data_fetcher.imdb import movie_reader
from data_fetcher.imdb.files import find_data_sets
from data_fetcher.imdb.line_errors import LineErrors
from data_fetcher.imdb.movie_reader import MovieBatch, read_movie_batches
from data_fetcher.imdb.selection import Selection
from data_fetcher.movie_json.document import MovieDocument
from data_fetcher.sample_data.imdb_files import Amounts, generate
from data_fetcher.tests import imdb_folder as imdb
from data_layer.entities.movie import MovieFacts

ALL = Selection(includes_adult=True)


def batches(
    folder: Path,
    selection: Selection = ALL,
    *,
    after: str | None = None,
    errors: LineErrors | None = None,
) -> list[MovieBatch]:
    errors = errors or LineErrors()
    found = read_movie_batches(
        find_data_sets(folder), selection, staging=folder, errors=errors, after=after
    )
    return list(found)


def movies(
    folder: Path,
    selection: Selection = ALL,
    *,
    after: str | None = None,
    errors: LineErrors | None = None,
) -> list[MovieFacts]:
    found = batches(folder, selection, after=after, errors=errors)
    return [movie for batch in found for movie in batch.movies]


def titles(found: Iterable[MovieFacts]) -> list[str]:
    return [movie.title for movie in found]


def shuffle(path: Path, name: str) -> None:
    """Shuffle the lines of a file after its header."""
    header, *lines = gzip.decompress(path.read_bytes()).splitlines()
    random.Random(1).shuffle(lines)  # noqa: S311 - Not a secret.
    imdb.write(path.parent, name, header, *lines)


@pytest.fixture
def alien(tmp_path: Path) -> Path:
    """Return a folder with all files that are read."""
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


def test_merges_the_fields_of_all_files(alien: Path) -> None:
    (batch,) = batches(alien)
    assert batch.movies == [
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


def test_movies_lack_only_the_fields_of_missing_files(alien: Path) -> None:
    (alien / "title.crew.tsv.gz").unlink()
    movie, _series = movies(alien)
    assert movie.cast
    assert not movie.directors
    (alien / "title.principals.tsv.gz").unlink()
    (alien / "title.ratings.tsv.gz").unlink()
    movie, _series = movies(alien)
    assert movie.title == "Alien"
    assert movie.imdb_votes is None
    assert not movie.cast


def test_reads_no_credits_without_names(alien: Path) -> None:
    (alien / "name.basics.tsv.gz").unlink()
    movie, _series = movies(alien)
    assert movie.imdb_votes == 1_000_000
    assert not movie.directors + movie.cast


def test_a_minimum_of_votes_requires_the_ratings(alien: Path) -> None:
    assert titles(movies(alien, Selection(min_votes=1_000_000))) == ["Alien"]
    assert not movies(alien, Selection(min_votes=1_000_001))
    (alien / "title.ratings.tsv.gz").unlink()
    with pytest.raises(InvalidInput, match=r"requires title\.ratings\.tsv\.gz: file not found"):
        batches(alien, Selection(min_votes=1))


def test_yields_only_selected_titles(tmp_path: Path) -> None:
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
    assert titles(movies(tmp_path, Selection())) == everything
    assert "Adult" in titles(movies(tmp_path))
    assert titles(movies(tmp_path, Selection(since=1980))) == ["New"]
    assert titles(movies(tmp_path, Selection(until=1900))) == ["Old"]
    assert titles(movies(tmp_path, Selection(since=2020, until=2020))) == ["New"]
    types = Selection(types=frozenset({"game", "series"}))
    assert titles(movies(tmp_path, types)) == ["Series", "Game"]


def test_rejects_a_selection_that_no_title_can_meet() -> None:
    with pytest.raises(InvalidInput, match="At least one type"):
        Selection(types=frozenset())
    with pytest.raises(InvalidInput, match="0 or greater"):
        Selection(min_votes=-1)
    with pytest.raises(InvalidInput, match="after the last year"):
        Selection(since=2000, until=1999)


def test_treats_invalid_optional_values_as_unknown(tmp_path: Path) -> None:
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
    first, second, third = movies(tmp_path)
    assert first == MovieFacts(title="x", imdb_id="tt0000001", type="series", imdb_votes=5)
    assert second == MovieFacts(
        title="x", imdb_id="tt0000002", type="series", year=1999, genres=("Drama",)
    )
    assert third == MovieFacts(title="x", imdb_id="tt0000003", genres=("Ab",))


def test_skips_invalid_lines_of_title_basics(tmp_path: Path) -> None:
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
    errors = LineErrors()
    assert [movie.imdb_id for movie in movies(tmp_path, errors=errors)] == [
        "tt0000001",
        "tt0000008",
    ]
    assert [str(error).split(".gz, ")[1] for error in errors.kept] == [
        "line 3: expected an id that no line above has.",
        "line 4: expected an id that no line above has.",
        "line 5: expected 9 fields, not 2.",
        "line 6: expected a titleType such as tvSeries.",
        "line 7: expected a title of 1 to 500 characters.",
        "line 8: expected a title of 1 to 500 characters.",
        "line 9: expected UTF-8.",
        "line 10: expected a title of 1 to 500 characters.",
    ]


def test_skips_invalid_lines_of_the_other_files(alien: Path) -> None:
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
    errors = LineErrors()
    movie, _series = movies(alien, errors=errors)
    assert movie.cast == ("Sigourney Weaver",)
    assert movie.imdb_votes is None
    assert sorted((error.file.split(".tsv")[0], error.line) for error in errors.kept) == [
        ("name.basics", 3),
        ("name.basics", 5),
        ("name.basics", 6),
        ("title.crew", 2),
        ("title.principals", 3),
        ("title.ratings", 2),
    ]


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with 2,500 generated titles, in IMDb's order."""
    folder = tmp_path_factory.mktemp("generated")
    generate(folder, Amounts(2_500, 400, 4_000), 1, lambda _done, _total: None)
    return folder


@pytest.fixture
def copy(generated: Path, tmp_path: Path) -> Path:
    """Return a copy of the generated folder that the test may change."""
    for path in generated.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_movies_are_valid_movie_documents(generated: Path) -> None:
    found = movies(generated)
    assert len(found) == 2_500
    for movie in found[::10]:
        fields = {key: value for key, value in dataclasses.asdict(movie).items() if value}
        assert MovieDocument.model_validate(fields, strict=False).to_facts() == movie


def test_joins_every_line_with_its_title(generated: Path) -> None:
    def lines(name: str) -> list[list[str]]:
        text = gzip.decompress((generated / f"{name}.tsv.gz").read_bytes()).decode()
        return [line.split("\t") for line in text.split("\n")[1:-1]]

    names = {nconst: name for nconst, name, *_ in lines("name.basics")}
    casts: dict[str, dict[str, None]] = {}
    for title_id, _ordering, nconst, category, *_ in lines("title.principals"):
        if category in {"actor", "actress", "self"}:
            casts.setdefault(title_id, {})[names[nconst]] = None
    votes = {title_id: int(count) for title_id, _average, count in lines("title.ratings")}
    directors = {title_id: people.split(",") for title_id, people, _writers in lines("title.crew")}
    for movie in movies(generated):
        assert movie.imdb_id is not None
        assert movie.cast == tuple(casts.get(movie.imdb_id, ()))
        assert movie.imdb_votes == votes.get(movie.imdb_id)
        names_of_movie = [names[nconst] for nconst in directors[movie.imdb_id] if nconst != "\\N"]
        assert movie.directors == tuple(dict.fromkeys(names_of_movie))


@pytest.mark.parametrize("after_batch", range(3))
def test_resumes_after_the_last_title(generated: Path, after_batch: int) -> None:
    whole = batches(generated)
    assert [len(batch.movies) for batch in whole] == [1_000, 1_000, 500]
    assert [batch.position.titles for batch in whole] == [1_000, 2_000, 2_500]
    rest = batches(generated, after=whole[after_batch].position.after)
    assert rest == whole[after_batch + 1 :]


def test_resumes_after_a_title_that_no_longer_exists(tmp_path: Path) -> None:
    imdb.write(tmp_path, "title.basics", imdb.BASICS, *map(imdb.title, (1, 2, 4)))
    assert [movie.imdb_id for movie in movies(tmp_path, after="tt0000003")] == ["tt0000004"]
    with pytest.raises(InvalidInput, match="consists of tt"):
        batches(tmp_path, after="0078748")


@pytest.mark.parametrize("name", ["title.ratings", "title.crew", "title.principals"])
def test_joins_an_unsorted_file(copy: Path, generated: Path, name: str) -> None:
    shuffle(copy / f"{name}.tsv.gz", name)
    assert movies(copy) == movies(generated)


def test_sorts_unsorted_titles(copy: Path, generated: Path) -> None:
    shuffle(copy / "title.basics.tsv.gz", "title.basics")
    assert movies(copy) == movies(generated)
    after = batches(generated)[1].position.after
    assert movies(copy, after=after) == movies(generated, after=after)


def test_reads_titles_sorted_by_number(copy: Path, generated: Path) -> None:
    for name in ("title.basics", "title.principals"):
        path = copy / f"{name}.tsv.gz"
        header, *lines = gzip.decompress(path.read_bytes()).splitlines()
        lines.sort(key=lambda line: int(line[2:].split(b"\t")[0]))
        imdb.write(copy, name, header, *lines)
    found = movies(copy)
    assert [movie.imdb_id for movie in found] == sorted(
        [movie.imdb_id or "" for movie in found], key=lambda imdb_id: int(imdb_id[2:])
    )
    assert sorted(found, key=lambda movie: movie.imdb_id or "") == movies(generated)


def test_yields_partial_batches_when_few_titles_are_selected(
    generated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(movie_reader, "BLOCKS_AT_ONCE", 1)
    monkeypatch.setattr("data_fetcher.imdb.tsv_file.BLOCK_BYTES", 65_536)
    selection = Selection(types=frozenset({"game"}))
    found = batches(generated, selection)
    assert len(found) > 1
    assert max(len(batch.movies) for batch in found) < 20
    assert found[-1].position.titles == 2_500
    assert not batches(generated, selection, after=found[-1].position.after)


def test_yields_nothing_without_titles(tmp_path: Path) -> None:
    imdb.write(tmp_path, "title.basics", imdb.BASICS)
    assert not batches(tmp_path)


def test_finds_names_that_left_the_cache(generated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = movies(generated)
    monkeypatch.setattr("data_fetcher.imdb.name_index._CACHED", 100)
    assert movies(generated) == expected


def test_reports_the_progress_of_the_preparation(generated: Path) -> None:
    progress: list[tuple[int, int | None]] = []
    found = read_movie_batches(
        find_data_sets(generated),
        ALL,
        staging=generated,
        errors=LineErrors(),
        advance=lambda done, total: progress.append((done, total)),
    )
    next(iter(found))
    done, total = progress[-1]
    assert done == total
    assert sorted(progress) == progress


def test_deletes_its_temporary_files(generated: Path, tmp_path: Path) -> None:
    found = read_movie_batches(
        find_data_sets(generated), ALL, staging=tmp_path, errors=LineErrors()
    )
    assert not list(tmp_path.iterdir())
    next(found)
    assert len(list(tmp_path.iterdir())) == 1
    found.close()
    assert not list(tmp_path.iterdir())


def test_raises_if_the_staging_folder_is_missing(generated: Path, tmp_path: Path) -> None:
    found = read_movie_batches(
        find_data_sets(generated), ALL, staging=tmp_path / "x", errors=LineErrors()
    )
    with pytest.raises(InvalidInput, match="staging folder is not writable"):
        next(found)
