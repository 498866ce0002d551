import errno
import gzip
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from common.errors import InvalidInput
from data_fetcher.cli.app import app
from data_fetcher.imdb.data_sets import ALL
from data_fetcher.sample_data.imdb_files import Amounts, generate
from data_fetcher.sample_data.imdb_ids import AMOUNT_MAX, IdSequence

AMOUNTS = Amounts(titles=5_000, names=1_000, principals=12_345)


def make(folder: Path, amounts: Amounts = AMOUNTS, seed: int = 1) -> list[tuple[int, int | None]]:
    progress: list[tuple[int, int | None]] = []
    generate(folder, amounts, seed, lambda done, total: progress.append((done, total)))
    return progress


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


def test_generates_all_files_with_imdb_columns(folder: Path) -> None:
    assert set(contents(folder)) == {f"{data_set.name}.tsv.gz" for data_set in ALL}
    for data_set in ALL:
        header, *rest = lines(folder, data_set.name)
        assert tuple(header) == data_set.columns
        assert rest
        assert {len(fields) for fields in rest} == {len(header)}
        assert [fields[0] for fields in rest] == sorted(fields[0] for fields in rest)


def test_generates_the_requested_amounts(folder: Path) -> None:
    assert len(lines(folder, "title.basics")) == 1 + 5_000
    assert len(lines(folder, "title.crew")) == 1 + 5_000
    assert len(lines(folder, "name.basics")) == 1 + 1_000
    assert len(lines(folder, "title.principals")) == 1 + 12_345


def test_refers_only_to_existing_titles_and_people(folder: Path) -> None:
    titles = {fields[0] for fields in lines(folder, "title.basics")}
    names = {fields[0] for fields in lines(folder, "name.basics")}
    assert len(titles) == 5_001
    assert len(names) == 1_001
    for name in ("title.ratings", "title.crew", "title.principals", "title.akas", "title.episode"):
        assert {fields[0] for fields in lines(folder, name)[1:]} <= titles
    assert {fields[2] for fields in lines(folder, "title.principals")[1:]} <= names
    series = {fields[0] for fields in lines(folder, "title.basics") if "tvSeries" in fields}
    assert {fields[1] for fields in lines(folder, "title.episode")[1:]} <= series


def test_titles_are_as_varied_as_those_of_imdb(folder: Path) -> None:
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


def test_the_same_seed_produces_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    make(tmp_path / "same")
    make(tmp_path / "other", seed=2)
    same, other = contents(tmp_path / "same"), contents(tmp_path / "other")
    assert same == contents(folder)
    assert not same.items() & other.items()


def test_generates_one_title_and_many_people(tmp_path: Path) -> None:
    make(tmp_path, Amounts(titles=1, names=30_000, principals=0))
    assert len(lines(tmp_path, "title.basics")) == 2
    assert len(lines(tmp_path, "title.principals")) == 1
    names = {fields[1] for fields in lines(tmp_path, "name.basics")}
    assert any(". " in name for name in names)


@pytest.mark.parametrize("amount", [1, 2, 9, 1_000, 14_000_000, AMOUNT_MAX])
def test_ids_are_unique_and_ascend(amount: int) -> None:
    ids = IdSequence("tt", amount)
    samples = {0, 1, amount // 2, int(amount * 0.7), amount - 2, amount - 1}
    indexes = [index for index in sorted(samples) if 0 <= index < amount]
    numbers = [int(ids.of(index)[2:]) for index in indexes]
    assert numbers == sorted(set(numbers))
    assert all(9 <= len(ids.of(index)) <= 10 for index in indexes)
    assert 1 <= numbers[0] <= numbers[-1] < 40_000_000


def test_keeps_existing_files(folder: Path) -> None:
    before = contents(folder)
    with pytest.raises(InvalidInput, match="already contains such files"):
        make(folder)
    assert contents(folder) == before


def test_an_error_leaves_no_files(tmp_path: Path) -> None:
    def fail(_done: int, _total: int | None) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(InvalidInput, match="free space"):
        generate(tmp_path, Amounts(20, 10, 50), 1, fail)
    assert list(tmp_path.iterdir()) == []


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["generate-imdb-files", *arguments])


@pytest.mark.integration
def test_the_command_generates_files(tmp_path: Path) -> None:
    amounts = ("--titles", "20", "--names", "10", "--principals", "50")
    command = [
        sys.executable,
        "-m",
        "data_fetcher",
        "generate-imdb-files",
        str(tmp_path),
        *amounts,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("20 titles, 10 names and 50 principals written in ")
    assert "30/30" in done.stderr
    assert len(list(tmp_path.iterdir())) == 7


def test_the_command_reports_its_result_and_keeps_existing_files(tmp_path: Path) -> None:
    result = run(str(tmp_path), "--titles", "20", "--names", "10", "--principals", "50")
    assert result.exit_code == 0
    assert "20 titles, 10 names and 50 principals written in" in result.output
    result = run(str(tmp_path), "--titles", "20")
    assert result.exit_code == 2
    message = "Error: The folder already contains such files: choose another one."
    assert message in result.output


def test_the_command_reports_errors(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run(str(tmp_path / "file" / "folder"))
    assert result.exit_code == 2
    assert "Error: The files can't be written: check the path" in result.output
    assert run(str(tmp_path), "--titles", "0").exit_code == 2
