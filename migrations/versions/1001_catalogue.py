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
        sa.Column("id", id_type(), nullable=False),
        sa.Column("imdb_id", sa.String(20)),
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
        sa.PrimaryKeyConstraint("id", name="pk_movies"),
        sa.UniqueConstraint("imdb_id", name="uq_movies_imdb_id"),
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
        sa.Column("id", id_type(), nullable=False),
        sa.Column("name", sa.String(300), nullable=False),
        sa.Column("name_key", key_type(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        sa.UniqueConstraint("name_key", name=f"uq_{table}_name_key"),
        sqlite_autoincrement=is_autoincrement,
        **BYTEWISE,
    )


def _movie_id(table: str) -> tuple[sa.Column[int], sa.ForeignKeyConstraint]:
    return (
        sa.Column("movie_id", id_type(), nullable=False),
        sa.ForeignKeyConstraint(
            ["movie_id"], ["movies.id"], name=f"fk_{table}_movie_id", ondelete="CASCADE"
        ),
    )


def _movie_keys() -> tuple[sa.Column[str], sa.Column[int]]:
    return (
        sa.Column("title_key", key_type(), nullable=False),
        sa.Column("year_key", sa.Integer(), nullable=False),
    )


def _create_movie_genres() -> None:
    op.create_table(
        "movie_genres",
        *_movie_id("movie_genres"),
        sa.Column("genre_id", id_type(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        *_movie_keys(),
        sa.ForeignKeyConstraint(["genre_id"], ["genres.id"], name="fk_movie_genres_genre_id"),
        sa.PrimaryKeyConstraint("movie_id", "genre_id", name="pk_movie_genres"),
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
        *_movie_id("credits"),
        sa.Column("role", sa.String(10), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("person_id", id_type(), nullable=False),
        *_movie_keys(),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_credits_person_id"),
        sa.PrimaryKeyConstraint("movie_id", "role", "position", name="pk_credits"),
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
        *_movie_id("ratings"),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(300), nullable=False),
        sa.Column("value", sa.String(300), nullable=False),
        sa.PrimaryKeyConstraint("movie_id", "position", name="pk_ratings"),
        **BYTEWISE,
    )


def _create_movie_counts() -> None:
    op.create_table(
        "movie_counts",
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("key", id_type(), autoincrement=False, nullable=False),
        sa.Column("movies", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", name="pk_movie_counts"),
        **BYTEWISE,
    )


def _create_catalogue_revision() -> None:
    op.create_table(
        "catalogue_revision",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_catalogue_revision"),
        **BYTEWISE,
    )
