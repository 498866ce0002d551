"""The files of IMDb's data sets, found in a folder."""

from dataclasses import dataclass
from pathlib import Path

from common.errors import InvalidInput
from data_fetcher.imdb.data_sets import ALL, BASICS, SUFFIX


@dataclass(frozen=True, slots=True)
class DataSetFiles:
    """Where the data sets are; see `find_files`."""

    paths: dict[str, Path]
    """By the names of the data sets."""

    @property
    def absences(self) -> tuple[str, ...]:
        """Sentences that tell which files are missing, and what films lack for that."""
        return tuple(
            f"{data_set.name}{SUFFIX} is not there: films will be without {data_set.loss}."
            for data_set in ALL
            if data_set.loss and data_set.name not in self.paths
        )


def find_files(folder: Path) -> DataSetFiles:
    """Return which of the seven files are in a folder: packed, or where not, unpacked.

    Raises:
        InvalidInput: title.basics is missing; all other files may be.
    """
    paths = {}
    for data_set in ALL:
        packed = folder / f"{data_set.name}{SUFFIX}"
        for path in (packed.with_suffix(""), packed):
            if path.is_file():
                paths[data_set.name] = path
    if BASICS.name not in paths:
        raise InvalidInput(f"There is no {BASICS.name}{SUFFIX} in the folder, nor a .tsv of it.")
    return DataSetFiles(paths)
