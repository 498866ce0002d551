"""Tables that only the previous version uses; the next migration drops them."""

from sqlalchemy import Column, Integer, String, Table, Text

from data_layer.entities.movie_fields import TITLE_MAX_CHARACTERS
from data_layer.sql.models.base import Base

SEEDS = Table(
    "seeds",
    Base.metadata,
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("imdb_id", String(20), nullable=False, unique=True),
    Column("title", String(TITLE_MAX_CHARACTERS), nullable=False),
    Column("state", String(10), nullable=False),
    Column("reason", Text),
)
"""Replaced by `fetches.is_seed` in migration 1005."""
