"""The order of the ids in a file: found out, and made where it is another one."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

from data_fetcher.imdb.line_errors import LineFaults
from data_fetcher.imdb.tsv_file import Block, DataFile

Order = Callable[[bytes], tuple[int, bytes]]
"""Gives what ids are compared by."""
OnBytes = Callable[[int], None]
"""Is told how much of a file has been read."""

_LINES_AT_ONCE = 2_000


def as_text(title_id: bytes) -> tuple[int, bytes]:
    """Say that tt10000000 is before tt2000000, as in IMDb's own files."""
    return 0, title_id


def as_number(title_id: bytes) -> tuple[int, bytes]:
    """Say that tt10000000 is behind tt2000000, as in files that others have put in order."""
    return len(title_id), title_id


def order_of(file: DataFile, on_bytes: OnBytes) -> Order | None:
    """Return the order of a file; `None` if it has none of the two.

    Cost: the file is read once, and where it is not in the order of texts again.
    """
    return next((order for order in (as_text, as_number) if is_in(order, file, on_bytes)), None)


def is_in(order: Order, file: DataFile, on_bytes: OnBytes) -> bool:
    """Tell whether the ids of a file rise or stay. Cost: the file is read, up to the first fall."""
    last = (0, b"")
    for block in file.blocks():
        if order is as_text:
            first, end, is_sorted = as_text(block.ids[0]), as_text(block.ids[-1]), block.is_sorted
        else:
            keys = list(map(order, block.ids))
            first, end, is_sorted = keys[0], keys[-1], keys == sorted(keys)
        if not is_sorted or first < last:
            return False
        last = end
        on_bytes(file.bytes_read)
    return True


def sorted_blocks(
    file: DataFile, order: Order, staging: Path, faults: LineFaults
) -> Iterator[Block]:
    """Yield the lines of a file in another order; those of one id stay as they are.

    Cost: the file is written to the disk, unpacked, and again by SQLite while it sorts.
    Memory does not grow with it.

    Args:
        file: in any order.
        order: in which lines are yielded.
        staging: a folder for the lines. SQLite sorts where its temporary files are.
        faults: see `DataFile.blocks`.
    """
    with closing(open_scratch(staging / f"{file.name}.db")) as database:
        database.execute("CREATE TABLE lines (width INTEGER, id BLOB, number INTEGER, line BLOB)")
        for block in file.blocks(faults):
            rows = zip(map(order, block.ids), block.numbers, block.lines, strict=True)
            database.executemany(
                "INSERT INTO lines VALUES (?, ?, ?, ?)",
                ((*key, number, line) for key, number, line in rows),
            )
        lines = database.execute("SELECT id, line, number FROM lines ORDER BY width, id, number")
        while some := list(islice(lines, _LINES_AT_ONCE)):
            ids, texts, numbers = zip(*some, strict=True)
            yield Block(ids, texts, numbers, is_sorted=order is as_text)


def open_scratch(path: Path) -> sqlite3.Connection:
    """Open a new database that nobody misses when it is lost, and begin to fill it.

    It takes up to 16 MB of memory, and can be used from any thread, but one at a time.
    """
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA journal_mode = OFF")
    database.execute("PRAGMA synchronous = OFF")
    database.execute("PRAGMA locking_mode = EXCLUSIVE")
    database.execute("PRAGMA temp_store = FILE")
    database.execute("PRAGMA cache_size = -16000")
    database.execute("BEGIN")
    return database
