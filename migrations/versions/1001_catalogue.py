"""Catalogue: movies, people, genres, credits, ratings, counts and the revision."""

import sqlalchemy as sa
from alembic import op

from migrations.column_types import BYTEWISE, document_type, id_type, key_type

revision = "1001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = (
    "catalogue_revision",
    "movie_counts",
    "ratings",
    "credits",
    "movie_genres",
    "genres",
    "people",
    "movies",
)


def upgrade() -> None:
    """Create the tables, empty."""
    _create_movies()
    # Ids of people are public: the id of a deleted person is never reused.
    _create_named_table("people", is_autoincrement=True)
    _create_named_table("genres", is_autoincrement=False)
    _create_movie_genres()
    _create_credits()
    _create_ratings()
    _create_movie_counts()
    _create_catalogue_revision()


def downgrade() -> None:
    """Drop the tables with their content."""
    for table in _TABLES:
        op.drop_table(table)


def _create_movies() -> None:
    op.create_table(
        "movies",
        sa.Column("id", id_type(), primary_key=True),
        sa.Column("imdb_id", sa.String(20), unique=True),
        sa.Column("title", sa.String(500), nullable=False),
        sa.Column("title_key", key_type(), nullable=False),
        sa.Column("year", sa.Integer()),
        sa.Column("year_key", sa.Integer(), nullable=False),
        sa.Column("end_year", sa.Integer()),
        sa.Column("type", sa.String(10), nullable=False),
        sa.Column("rated", sa.String(300)),
        sa.Column("released", sa.Date()),
        sa.Column("runtime_minutes", sa.Integer()),
        sa.Column("plot", sa.Text()),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.Column("countries", sa.JSON(), nullable=False),
        sa.Column("awards", sa.Text()),
        sa.Column("poster_url", sa.Text()),
        sa.Column("metascore", sa.Integer()),
        sa.Column("imdb_rating", sa.Double()),
        sa.Column("imdb_votes", sa.BigInteger()),
        sa.Column("box_office_usd", sa.BigInteger()),
        sa.Column("production", sa.Text()),
        sa.Column("website", sa.Text()),
        sa.Column("document", document_type(), nullable=False),
        sqlite_autoincrement=True,
        **BYTEWISE,
    )
    for name, columns in {
        "by_title": ["title_key", "year_key", "id"],
        "by_year": ["year_key", "title_key", "id"],
        "by_year_and_id": ["year_key", "id"],
    }.items():
        op.create_index(f"ix_movies_{name}", "movies", columns)


def _create_named_table(table: str, *, is_autoincrement: bool) -> None:
    op.create_table(
        table,
        sa.Column("id", id_type(), primary_key=True),
        sa.Column("name", sa.String(300), nullable=False),
        sa.Column("name_key", key_type(), nullable=False, unique=True),
        sqlite_autoincrement=is_autoincrement,
        **BYTEWISE,
    )


def _movie_id() -> sa.Column[int]:
    movie = sa.ForeignKey("movies.id", ondelete="CASCADE")
    return sa.Column("movie_id", id_type(), movie, primary_key=True)


def _movie_keys() -> tuple[sa.Column[str], sa.Column[int]]:
    return (
        sa.Column("title_key", key_type(), nullable=False),
        sa.Column("year_key", sa.Integer(), nullable=False),
    )


def _create_movie_genres() -> None:
    op.create_table(
        "movie_genres",
        _movie_id(),
        sa.Column("genre_id", id_type(), sa.ForeignKey("genres.id"), primary_key=True),
        sa.Column("position", sa.Integer(), nullable=False),
        *_movie_keys(),
        **BYTEWISE,
    )
    for name, columns in (
        ("by_title", ["genre_id", "title_key", "year_key", "movie_id"]),
        ("by_year", ["genre_id", "year_key", "title_key", "movie_id"]),
        ("by_id", ["genre_id", "movie_id"]),
    ):
        op.create_index(f"ix_movie_genres_{name}", "movie_genres", columns)


def _create_credits() -> None:
    op.create_table(
        "credits",
        _movie_id(),
        sa.Column("role", sa.String(10), primary_key=True),
        sa.Column("position", sa.Integer(), primary_key=True),
        sa.Column("person_id", id_type(), sa.ForeignKey("people.id"), nullable=False),
        *_movie_keys(),
        **BYTEWISE,
    )
    op.create_index(
        "ix_credits_by_title",
        "credits",
        ["person_id", "role", "title_key", "year_key", "movie_id"],
    )


def _create_ratings() -> None:
    op.create_table(
        "ratings",
        _movie_id(),
        sa.Column("position", sa.Integer(), primary_key=True),
        sa.Column("source", sa.String(300), nullable=False),
        sa.Column("value", sa.String(300), nullable=False),
        **BYTEWISE,
    )


def _create_movie_counts() -> None:
    op.create_table(
        "movie_counts",
        sa.Column("kind", sa.String(10), primary_key=True),
        sa.Column("key", id_type(), autoincrement=False, primary_key=True),
        sa.Column("movies", sa.BigInteger(), nullable=False),
        **BYTEWISE,
    )


def _create_catalogue_revision() -> None:
    op.create_table(
        "catalogue_revision",
        sa.Column("id", sa.Integer(), autoincrement=False, primary_key=True),
        sa.Column("number", sa.BigInteger(), nullable=False),
        **BYTEWISE,
    )
