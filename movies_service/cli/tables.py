"""Tables of the commands that list records."""

import json
from collections.abc import Sequence


def print_table(columns: Sequence[str], rows: Sequence[dict[str, str]], *, as_json: bool) -> None:
    """Print `rows` under a header of `columns`, or as a JSON array of objects."""
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    lines = [{name: name.upper() for name in columns}, *rows]
    widths = {name: max(len(line[name]) for line in lines) for name in columns}
    for line in lines:
        print("  ".join(line[name].ljust(width) for name, width in widths.items()).rstrip())
