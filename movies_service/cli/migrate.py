"""Command `migrate`: apply pending schema migrations."""

import sys

from movies_service.cli.database import migrated_database


def migrate() -> None:
    """Apply pending schema migrations; `serve` does the same at its start."""
    with migrated_database():
        print("The database schema is up to date.", file=sys.stderr)
