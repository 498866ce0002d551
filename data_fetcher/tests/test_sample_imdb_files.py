import gzip
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from common.errors import InvalidInput
from data_fetcher.cli.generate_imdb_files import app
from data_fetcher.imdb.data_sets import ALL
from data_fetcher.sample_data.imdb_files import Amounts, generate
from data_fetcher.sample_data.imdb_ids import AMOUNT_MAX, MadeIds

AMOUNTS = Amounts(titles=5_000, names=1_000, principals=12_345)


def make(folder: Path, amounts: Amounts = AMOUNTS, seed: int = 1) -> list[tuple[int, int | None]]:
    told: list[tuple[int, int | None]] = []
    generate(folder, amounts, seed, lambda done, total: told.append((done, total)))
    return told


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def lines(folder: Path, name: str) -> list[list[str]]:
    text = gzip.decompress((folder / f"{name}.tsv.gz").read_bytes()).decode()
    return [line.split("\t") for line in text.split("\n")[:-1]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("imdb") / "files"
    assert make(folder)[-1] == (6_000, 6_000)
    return folder


def test_makes_all_files_with_the_columns_of_imdb(folder: Path) -> None:
    assert set(contents(folder)) == {f"{data_set.name}.tsv.gz" for data_set in ALL}
    for data_set in ALL:
        header, *rest = lines(folder, data_set.name)
        assert tuple(header) == data_set.columns
        assert rest
        assert {len(fields) for fields in rest} == {len(header)}
        assert [fields[0] for fields in rest] == sorted(fields[0] for fields in rest)


def test_makes_as_much_as_was_asked_for(folder: Path) -> None:
    assert len(lines(folder, "title.basics")) == 1 + 5_000
    assert len(lines(folder, "title.crew")) == 1 + 5_000
    assert len(lines(folder, "name.basics")) == 1 + 1_000
    assert len(lines(folder, "title.principals")) == 1 + 12_345


def test_everything_is_about_titles_and_people_that_are_there(folder: Path) -> None:
    titles = {fields[0] for fields in lines(folder, "title.basics")}
    names = {fields[0] for fields in lines(folder, "name.basics")}
    assert len(titles) == 5_001
    assert len(names) == 1_001
    for name in ("title.ratings", "title.crew", "title.principals", "title.akas", "title.episode"):
        assert {fields[0] for fields in lines(folder, name)[1:]} <= titles
    assert {fields[2] for fields in lines(folder, "title.principals")[1:]} <= names
    series = {fields[0] for fields in lines(folder, "title.basics") if "tvSeries" in fields}
    assert {fields[1] for fields in lines(folder, "title.episode")[1:]} <= series


def test_titles_are_mixed_as_those_of_imdb(folder: Path) -> None:
    titles = lines(folder, "title.basics")[1:]
    kinds = Counter(fields[1] for fields in titles)
    assert kinds.most_common(2)[0][0] == "tvEpisode"
    assert len(kinds) >= 10
    assert {len(fields[0]) for fields in titles} == {9, 10}
    assert 50 < sum(fields[4] == "1" for fields in titles) < 300
    texts = {fields[2] for fields in titles}
    assert any('"' in text for text in texts)
    assert any(not text.isascii() for text in texts)
    for column in range(5, 9):
        assert any(fields[column] == "\\N" for fields in titles)
        assert any(fields[column] != "\\N" for fields in titles)
    casts = Counter(fields[0] for fields in lines(folder, "title.principals"))
    assert max(casts.values()) > 20


def test_the_same_seed_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    make(tmp_path / "same")
    make(tmp_path / "other", seed=2)
    same, other = contents(tmp_path / "same"), contents(tmp_path / "other")
    assert same == contents(folder)
    assert not same.items() & other.items()


def test_makes_files_of_one_title_and_many_people(tmp_path: Path) -> None:
    make(tmp_path, Amounts(titles=1, names=30_000, principals=0))
    assert len(lines(tmp_path, "title.basics")) == 2
    assert len(lines(tmp_path, "title.principals")) == 1
    names = {fields[1] for fields in lines(tmp_path, "name.basics")}
    assert any(". " in name for name in names)


@pytest.mark.parametrize("amount", [1, 2, 9, 1_000, 14_000_000, AMOUNT_MAX])
def test_ids_rise_and_stay_apart(amount: int) -> None:
    ids = MadeIds("tt", amount)
    drawn = {0, 1, amount // 2, int(amount * 0.7), amount - 2, amount - 1}
    places = [place for place in sorted(drawn) if 0 <= place < amount]
    numbers = [int(ids.of(place)[2:]) for place in places]
    assert numbers == sorted(set(numbers))
    assert all(9 <= len(ids.of(place)) <= 10 for place in places)
    assert 1 <= numbers[0] <= numbers[-1] < 40_000_000


def test_files_that_are_there_stay(folder: Path) -> None:
    before = contents(folder)
    with pytest.raises(InvalidInput, match="has such files already"):
        make(folder)
    assert contents(folder) == before


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.mark.integration
def test_the_command_makes_files(tmp_path: Path) -> None:
    amounts = ("--titles", "20", "--names", "10", "--principals", "50")
    command = [
        sys.executable,
        "-m",
        "data_fetcher.cli.generate_imdb_files",
        str(tmp_path),
        *amounts,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("20 titles, 10 names and 50 principals written in ")
    assert "30/30" in done.stderr
    assert len(list(tmp_path.iterdir())) == 7


def test_the_command_shows_its_progress_and_leaves_files_alone(tmp_path: Path) -> None:
    result = run(str(tmp_path), "--titles", "20", "--names", "10", "--principals", "50")
    assert result.exit_code == 0
    assert "20 titles, 10 names and 50 principals written in" in result.output
    result = run(str(tmp_path), "--titles", "20")
    assert result.exit_code == 2
    assert "Error: The folder has such files already: name another one." in result.output


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run(str(tmp_path / "file" / "folder"))
    assert result.exit_code == 2
    assert "Error: The folder can't be written to, or there is no room left." in result.output
    assert run(str(tmp_path), "--titles", "0").exit_code == 2
