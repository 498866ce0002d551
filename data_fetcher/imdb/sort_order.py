"""Sort order of the ids in a file: detection, and sorting on disk if necessary."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

from data_fetcher.imdb.line_errors import LineErrors
from data_fetcher.imdb.tsv_file import Block, TsvFile

Order = Callable[[bytes], tuple[int, bytes]]
"""Sort key of an id."""
OnBytes = Callable[[int], None]
"""Receives the number of bytes of a file that have been read."""

_LINES_AT_ONCE = 2_000


def as_text(title_id: bytes) -> tuple[int, bytes]:
    """Return a key that sorts tt10000000 before tt2000000, like IMDb's own files."""
    return 0, title_id


def as_number(title_id: bytes) -> tuple[int, bytes]:
    """Return a key that sorts tt10000000 after tt2000000, like files that were sorted again."""
    return len(title_id), title_id


def order_of(file: TsvFile, on_bytes: OnBytes) -> Order | None:
    """Return the order of a file, by text or by number; `None` if it is not sorted.

    Cost: the file is read once, or twice if it is not sorted by text.
    """
    return next((order for order in (as_text, as_number) if is_in(order, file, on_bytes)), None)


def is_in(order: Order, file: TsvFile, on_bytes: OnBytes) -> bool:
    """Return whether a file is sorted; reads it up to the first id that is out of order."""
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
    file: TsvFile, order: Order, staging: Path, errors: LineErrors
) -> Iterator[Block]:
    """Yield the lines of a file in an order; lines with the same id keep their order.

    Cost: the file is written to disk decompressed, and a second time by SQLite's sort. The memory
    is independent of its size.

    The lines are written to `staging`; SQLite sorts in its own temporary folder.
    """
    with closing(open_scratch(staging / f"{file.name}.db")) as database:
        database.execute("CREATE TABLE lines (width INTEGER, id BLOB, number INTEGER, line BLOB)")
        for block in file.blocks(errors):
            rows = zip(map(order, block.ids), block.numbers, block.lines, strict=True)
            database.executemany(
                "INSERT INTO lines VALUES (?, ?, ?, ?)",
                ((*key, number, line) for key, number, line in rows),
            )
        lines = database.execute("SELECT id, line, number FROM lines ORDER BY width, id, number")
        while part := list(islice(lines, _LINES_AT_ONCE)):
            ids, texts, numbers = zip(*part, strict=True)
            yield Block(ids, texts, numbers, is_sorted=order is as_text)


def open_scratch(path: Path) -> sqlite3.Connection:
    """Open a new temporary database without crash safety, and begin a transaction.

    Its cache takes up to 16 MB of memory. It may be used from any thread, but not concurrently.
    """
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA journal_mode = OFF")
    database.execute("PRAGMA synchronous = OFF")
    database.execute("PRAGMA locking_mode = EXCLUSIVE")
    database.execute("PRAGMA temp_store = FILE")
    database.execute("PRAGMA cache_size = -16000")
    database.execute("BEGIN")
    return database
