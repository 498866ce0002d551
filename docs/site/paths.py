"""Folders of the documentation and of the project."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
HTML = DOCS / "html"
PACKAGES = ("movies_service", "data_fetcher", "data_layer", "common")
"""Packages whose code the reference describes, from the top layer down."""
