"""Search for the files of IMDb's data sets in a folder."""

from dataclasses import dataclass
from pathlib import Path

from common.errors import InvalidInput
from data_fetcher.imdb.data_sets import ALL, BASICS, SUFFIX


@dataclass(frozen=True, slots=True)
class DataSetFiles:
    """Paths of the data sets that were found; see `find_data_sets`."""

    paths: dict[str, Path]
    """Paths by the names of the data sets."""

    @property
    def absences(self) -> tuple[str, ...]:
        """Sentences that name the missing files, and the fields that movies lack therefore."""
        return tuple(
            f"{data_set.name}{SUFFIX} not found: movies are imported without {data_set.loss}."
            for data_set in ALL
            if data_set.loss and data_set.name not in self.paths
        )


def find_data_sets(folder: Path) -> DataSetFiles:
    """Return which of the seven files a folder contains; `.tsv.gz` takes precedence over `.tsv`.

    Raises:
        InvalidInput: Title.basics is missing; the other files are optional.
    """
    paths = {}
    for data_set in ALL:
        compressed = folder / f"{data_set.name}{SUFFIX}"
        for path in (compressed.with_suffix(""), compressed):
            if path.is_file():
                paths[data_set.name] = path
    if BASICS.name not in paths:
        raise InvalidInput(f"The folder contains no {BASICS.name}{SUFFIX} or {BASICS.name}.tsv.")
    return DataSetFiles(paths)
