from pathlib import Path

import pytest

from common.errors import InvalidInput
from data_fetcher.imdb.data_sets import BASICS, CREW, NAMES, RATINGS
from data_fetcher.imdb.files import find_data_sets
from data_fetcher.imdb.line_errors import LineErrors
from data_fetcher.imdb.tsv_file import LINE_MAX_BYTES, TsvFile
from data_fetcher.tests import imdb_folder as imdb


def ids(file: TsvFile, errors: LineErrors | None = None) -> list[bytes]:
    return [found for block in file.blocks(errors) for found in block.ids]


def error_message(path: Path) -> str:
    with pytest.raises(InvalidInput) as error:
        ids(TsvFile(path, RATINGS))
    return error.value.message


def test_only_title_basics_is_required(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"contains no title\.basics\.tsv\.gz"):
        find_data_sets(tmp_path)
    imdb.write(tmp_path, "title.basics", imdb.BASICS)
    files = find_data_sets(tmp_path)
    assert files.absences == (
        "title.ratings.tsv.gz not found: movies are imported without ratings and votes.",
        "title.principals.tsv.gz not found: movies are imported without a cast.",
        "name.basics.tsv.gz not found: movies are imported without directors, writers and a cast.",
        "title.crew.tsv.gz not found: movies are imported without directors and writers.",
    )


def test_prefers_compressed_files(tmp_path: Path) -> None:
    compressed = imdb.write(tmp_path, "title.basics", imdb.BASICS)
    for name in ("title.basics.tsv", "title.ratings.tsv"):
        (tmp_path / name).touch()
    (tmp_path / "title.crew.tsv.gz").mkdir()
    assert find_data_sets(tmp_path).paths == {
        "title.basics": compressed,
        "title.ratings": tmp_path / "title.ratings.tsv",
    }


def test_reads_compressed_and_uncompressed_files(tmp_path: Path) -> None:
    lines = imdb.RATINGS, *(f"{imdb.tt(number)}\t7.0\t5" for number in range(1, 30_000))
    compressed = TsvFile(imdb.write(tmp_path, "title.ratings", *lines), RATINGS)
    path = tmp_path / "title.ratings.tsv"
    path.write_bytes(imdb.joined(*lines))
    plain = TsvFile(path, RATINGS)
    assert ids(compressed) == ids(plain)
    numbers = [number for block in plain.blocks() for number in block.numbers]
    assert numbers == list(range(2, 30_001))
    assert plain.bytes_read == plain.bytes_total == path.stat().st_size


def test_the_last_line_needs_no_line_feed(tmp_path: Path) -> None:
    path = tmp_path / "title.ratings.tsv"
    path.write_bytes(imdb.joined(imdb.RATINGS, "tt0000001\t7.0\t5") + b"tt0000002\t7.0\t5")
    assert ids(TsvFile(path, RATINGS)) == [b"tt0000001", b"tt0000002"]
    path.write_text(imdb.RATINGS)
    assert not ids(TsvFile(path, RATINGS))


def test_accepts_additional_and_reordered_columns(tmp_path: Path) -> None:
    path = imdb.write(
        tmp_path,
        "title.ratings",
        "new\tnumVotes\ttconst\taverageRating",
        "x\t5\ttt0000001\t7.0",
        "x\t5",
    )
    file, errors = TsvFile(path, RATINGS), LineErrors()
    (block,) = file.blocks(errors)
    assert block.ids == [b"tt0000001"]
    assert file.pick(block.lines[0].split(b"\t")) == (b"tt0000001", b"7.0", b"5")
    assert str(errors.kept[0]) == (
        "title.ratings.tsv.gz, line 3: expected an id such as tt0000116."
    )


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("", "tconst"),
        ("tconst\tnumVotes", "averageRating"),
        (b"tconst\taverageRating\tnumV\xff", "numVotes"),
    ],
)
def test_reports_a_missing_column(tmp_path: Path, header: str | bytes, column: str) -> None:
    path = imdb.write(tmp_path, "title.ratings", header)
    assert error_message(path) == f"title.ratings.tsv.gz, line 1: the column {column} is missing."


def test_reports_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "title.ratings.tsv"
    path.touch()
    assert error_message(path) == "title.ratings.tsv, line 1: the column tconst is missing."


def test_reports_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    assert error_message(tmp_path / "title.ratings.tsv") == (
        "title.ratings.tsv cannot be read: check that it exists and its permissions."
    )


def test_reports_a_file_that_is_not_compressed(tmp_path: Path) -> None:
    path = tmp_path / "title.ratings.tsv.gz"
    path.write_text("<html>")
    assert error_message(path) == (
        "title.ratings.tsv.gz is damaged or truncated after line 1: download it again."
    )


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_reports_the_line_of_damage(tmp_path: Path, damage: str) -> None:
    lines = (f"{imdb.tt(number)}\t{number * 7 % 10}.0\t{number**3}" for number in range(1, 50_000))
    path = imdb.write(tmp_path, "title.ratings", imdb.RATINGS, *lines)
    whole = path.read_bytes()
    middle = len(whole) * 3 // 4
    path.write_bytes(
        whole[:middle] if damage == "cut" else whole[:middle] + b"\xff" * 99 + whole[middle + 99 :]
    )
    message = error_message(path)
    assert message.startswith("title.ratings.tsv.gz is damaged or truncated after line ")
    assert 10_000 < int(message.split("line ")[1].split(":")[0].replace(",", "")) < 50_000


def test_reports_an_overlong_line(tmp_path: Path) -> None:
    line = b"tt0000002\t" + bytes(b"7" * (2 * LINE_MAX_BYTES))
    path = imdb.write(tmp_path, "title.ratings", imdb.RATINGS, "tt0000001\t7.0\t5", line)
    assert error_message(path).startswith("title.ratings.tsv.gz, line 3: longer than 1,048,576 ")


def test_skips_and_reports_lines_without_an_id(tmp_path: Path) -> None:
    lines = (f"nm{number}\tAnn\tAnn" for number in range(20))
    path = imdb.write(tmp_path, "title.crew", imdb.CREW, *lines, "tt0000001\t\\N\t\\N", "")
    errors = LineErrors()
    assert ids(TsvFile(path, CREW), errors) == [b"tt0000001"]
    assert errors.count == 21
    assert [error.line for error in errors.kept] == list(range(2, 12))
    assert ids(TsvFile(path, CREW)) == [b"tt0000001"]
    assert not ids(TsvFile(imdb.write(tmp_path, "title.crew", imdb.CREW, ""), CREW))


def test_quotes_and_unusual_line_separators_do_not_end_a_field(tmp_path: Path) -> None:
    name = "Anna \"Nan\u2028\x85\r\x0b O'Dea"
    path = imdb.write(tmp_path, "name.basics", imdb.NAMES, imdb.person(1, name))
    (block,) = TsvFile(path, NAMES).blocks()
    assert block.lines[0].split(b"\t")[1].decode() == name


def test_removes_nul(tmp_path: Path) -> None:
    path = imdb.write(tmp_path, "title.basics", imdb.BASICS, imdb.title(1, text="Al\0ien"))
    (block,) = TsvFile(path, BASICS).blocks()
    assert b"\tAlien\t" in block.lines[0]
