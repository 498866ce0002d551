from pathlib import Path

import pytest

from common.errors import InvalidInput
from data_fetcher.imdb.data_sets import BASICS, CREW, NAMES, RATINGS
from data_fetcher.imdb.files import find_files
from data_fetcher.imdb.line_errors import LineFaults
from data_fetcher.imdb.tsv_file import LINE_MAX_BYTES, DataFile
from data_fetcher.tests import imdb_folder as imdb


def ids(file: DataFile, faults: LineFaults | None = None) -> list[bytes]:
    return [found for block in file.blocks(faults) for found in block.ids]


def refusal(path: Path) -> str:
    with pytest.raises(InvalidInput) as error:
        ids(DataFile(path, RATINGS))
    return error.value.message


def test_only_title_basics_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"no title\.basics\.tsv\.gz in the folder"):
        find_files(tmp_path)
    imdb.write(tmp_path, "title.basics", imdb.BASICS)
    files = find_files(tmp_path)
    assert files.absences == (
        "title.ratings.tsv.gz is not there: films will be without ratings and votes.",
        "title.principals.tsv.gz is not there: films will be without a cast.",
        "name.basics.tsv.gz is not there: films will be without directors, writers and a cast.",
        "title.crew.tsv.gz is not there: films will be without directors and writers.",
    )


def test_packed_files_come_before_unpacked_ones(tmp_path: Path) -> None:
    packed = imdb.write(tmp_path, "title.basics", imdb.BASICS)
    for name in ("title.basics.tsv", "title.ratings.tsv"):
        (tmp_path / name).touch()
    (tmp_path / "title.crew.tsv.gz").mkdir()
    assert find_files(tmp_path).paths == {
        "title.basics": packed,
        "title.ratings": tmp_path / "title.ratings.tsv",
    }


def test_reads_packed_and_unpacked_files_alike(tmp_path: Path) -> None:
    lines = imdb.RATINGS, *(f"{imdb.tt(number)}\t7.0\t5" for number in range(1, 30_000))
    packed = DataFile(imdb.write(tmp_path, "title.ratings", *lines), RATINGS)
    path = tmp_path / "title.ratings.tsv"
    path.write_bytes(imdb.joined(*lines))
    unpacked = DataFile(path, RATINGS)
    assert ids(packed) == ids(unpacked)
    numbers = [number for block in unpacked.blocks() for number in block.numbers]
    assert numbers == list(range(2, 30_001))
    assert unpacked.bytes_read == unpacked.bytes_total == path.stat().st_size


def test_the_last_line_needs_no_end(tmp_path: Path) -> None:
    path = tmp_path / "title.ratings.tsv"
    path.write_bytes(imdb.joined(imdb.RATINGS, "tt0000001\t7.0\t5") + b"tt0000002\t7.0\t5")
    assert ids(DataFile(path, RATINGS)) == [b"tt0000001", b"tt0000002"]
    path.write_text(imdb.RATINGS)
    assert not ids(DataFile(path, RATINGS))


def test_columns_may_be_more_and_in_another_order(tmp_path: Path) -> None:
    path = imdb.write(
        tmp_path,
        "title.ratings",
        "new\tnumVotes\ttconst\taverageRating",
        "x\t5\ttt0000001\t7.0",
        "x\t5",
    )
    file, faults = DataFile(path, RATINGS), LineFaults()
    (block,) = file.blocks(faults)
    assert block.ids == [b"tt0000001"]
    assert file.pick(block.lines[0].split(b"\t")) == (b"tt0000001", b"7.0", b"5")
    assert str(faults.kept[0]) == (
        "title.ratings.tsv.gz, line 3: an id such as tt0000116 was expected."
    )


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("", "tconst"),
        ("tconst\tnumVotes", "averageRating"),
        (b"tconst\taverageRating\tnumV\xff", "numVotes"),
    ],
)
def test_a_missing_column_is_told(tmp_path: Path, header: str | bytes, column: str) -> None:
    path = imdb.write(tmp_path, "title.ratings", header)
    assert refusal(path) == f"title.ratings.tsv.gz, line 1: the column {column} is missing."


def test_an_empty_file_misses_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "title.ratings.tsv"
    path.touch()
    assert refusal(path) == "title.ratings.tsv, line 1: the column tconst is missing."


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    assert refusal(tmp_path / "title.ratings.tsv") == "title.ratings.tsv can't be read."


def test_a_file_that_is_not_packed_is_told(tmp_path: Path) -> None:
    path = tmp_path / "title.ratings.tsv.gz"
    path.write_text("<html>")
    assert refusal(path) == (
        "title.ratings.tsv.gz is damaged or cut short behind line 1: download it again."
    )


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_damage_is_told_with_its_place(tmp_path: Path, damage: str) -> None:
    lines = (f"{imdb.tt(number)}\t{number * 7 % 10}.0\t{number**3}" for number in range(1, 50_000))
    path = imdb.write(tmp_path, "title.ratings", imdb.RATINGS, *lines)
    whole = path.read_bytes()
    middle = len(whole) * 3 // 4
    path.write_bytes(
        whole[:middle] if damage == "cut" else whole[:middle] + b"\xff" * 99 + whole[middle + 99 :]
    )
    message = refusal(path)
    assert message.startswith("title.ratings.tsv.gz is damaged or cut short behind line ")
    assert 10_000 < int(message.split("line ")[1].split(":")[0].replace(",", "")) < 50_000


def test_a_line_without_an_end_is_told(tmp_path: Path) -> None:
    line = b"tt0000002\t" + bytes(b"7" * (2 * LINE_MAX_BYTES))
    path = imdb.write(tmp_path, "title.ratings", imdb.RATINGS, "tt0000001\t7.0\t5", line)
    assert refusal(path).startswith("title.ratings.tsv.gz, line 3: it is longer than 1,048,576 ")


def test_lines_without_an_id_are_left_out_and_told(tmp_path: Path) -> None:
    lines = (f"nm{number}\tAnn\tAnn" for number in range(20))
    path = imdb.write(tmp_path, "title.crew", imdb.CREW, *lines, "tt0000001\t\\N\t\\N", "")
    faults = LineFaults()
    assert ids(DataFile(path, CREW), faults) == [b"tt0000001"]
    assert faults.count == 21
    assert [fault.line for fault in faults.kept] == list(range(2, 12))
    assert ids(DataFile(path, CREW)) == [b"tt0000001"]
    assert not ids(DataFile(imdb.write(tmp_path, "title.crew", imdb.CREW, ""), CREW))


def test_neither_quotes_nor_unusual_line_separators_end_a_field(tmp_path: Path) -> None:
    name = "Anna \"Nan\u2028\x85\r\x0b O'Dea"
    path = imdb.write(tmp_path, "name.basics", imdb.NAMES, imdb.person(1, name))
    (block,) = DataFile(path, NAMES).blocks()
    assert block.lines[0].split(b"\t")[1].decode() == name


def test_nul_is_left_out(tmp_path: Path) -> None:
    path = imdb.write(tmp_path, "title.basics", imdb.BASICS, imdb.title(1, text="Al\0ien"))
    (block,) = DataFile(path, BASICS).blocks()
    assert b"\tAlien\t" in block.lines[0]
