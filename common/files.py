"""Files that appear whole or not at all."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Create a file that gets its name when the context ends, and is removed after an error.

    It is written under another name in the same folder.

    Raises:
        FileExistsError: The path exists.
        OSError: The file cannot be written.
    """
    if path.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    # A path that is nearly as long as names can be has to stay valid.
    unfinished = path.with_name(f"{path.name[:50]}.{secrets.token_hex(8)}.unfinished")
    try:
        with unfinished.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(unfinished, path)  # Unlike `rename`, it never replaces a file.
        except FileExistsError:
            raise
        except OSError:  # The file system has no links, such as FAT.
            path.touch(exist_ok=False)
            unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
