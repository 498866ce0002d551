"""The catalogue: films with their people, genres and ratings; API keys; the plan of the seeds."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import DATETIME, MEDIUMBLOB, TINYBLOB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


# Without it MariaDB compares ignoring case, accents and the spaces at the end.
_BYTEWISE: dict[str, Any] = {"mariadb_charset": "utf8mb4", "mariadb_collate": "utf8mb4_nopad_bin"}


def _id() -> sa.types.TypeEngine[int]:
    """SQLite numbers rows by itself only in a column that is an INTEGER to the letter."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _key() -> sa.types.TypeEngine[str]:
    """PostgreSQL sorts by the rules of a language, unless it is told to sort by bytes."""
    return sa.String(512).with_variant(sa.String(512, collation="C"), "postgresql")


def _datetime() -> sa.types.TypeEngine[dt.datetime]:
    """MariaDB leaves fractions of a second out, unless it is told to keep them."""
    return sa.DateTime().with_variant(DATETIME(fsp=6), "mariadb")


def upgrade() -> None:
    """Make every table of the first version."""
    _create_movies()
    _create_named_table("people")
    _create_named_table("genres")
    _create_links()
    _create_counts()
    _create_api_keys()
    _create_seeds()


def downgrade() -> None:
    """Drop every table, and all that they hold."""
    for table in ("seeds", "api_keys", "movie_counts", "ratings", "credits", "movie_genres"):
        op.drop_table(table)
    for table in ("genres", "people", "movies"):
        op.drop_table(table)


def _create_movies() -> None:
    op.create_table(
        "movies",
        sa.Column("id", _id(), nullable=False),
        sa.Column("imdb_id", sa.String(20)),
        sa.Column("title", sa.String(500), nullable=False),
        sa.Column("title_key", _key(), nullable=False),
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
        sa.Column("document", sa.LargeBinary().with_variant(MEDIUMBLOB, "mariadb"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_movies"),
        sa.UniqueConstraint("imdb_id", name="uq_movies_imdb_id"),
        sqlite_autoincrement=True,
        **_BYTEWISE,
    )
    op.create_index("ix_movies_by_title", "movies", ["title_key", "year_key", "id"])
    op.create_index("ix_movies_by_year", "movies", ["year_key", "title_key", "id"])


def _create_named_table(table: str) -> None:
    op.create_table(
        table,
        sa.Column("id", _id(), nullable=False),
        sa.Column("name", sa.String(300), nullable=False),
        sa.Column("name_key", _key(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        sa.UniqueConstraint("name_key", name=f"uq_{table}_name_key"),
        **_BYTEWISE,
    )


def _movie_id(table: str) -> tuple[sa.Column[int], sa.ForeignKeyConstraint]:
    return (
        sa.Column("movie_id", _id(), nullable=False),
        sa.ForeignKeyConstraint(
            ["movie_id"], ["movies.id"], name=f"fk_{table}_movie_id", ondelete="CASCADE"
        ),
    )


def _movie_keys() -> tuple[sa.Column[str], sa.Column[int]]:
    return (
        sa.Column("title_key", _key(), nullable=False),
        sa.Column("year_key", sa.Integer(), nullable=False),
    )


def _create_counts() -> None:
    op.create_table(
        "movie_counts",
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("key", _id(), autoincrement=False, nullable=False),
        sa.Column("movies", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", name="pk_movie_counts"),
        **_BYTEWISE,
    )


def _create_links() -> None:
    op.create_table(
        "movie_genres",
        *_movie_id("movie_genres"),
        sa.Column("genre_id", _id(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        *_movie_keys(),
        sa.ForeignKeyConstraint(["genre_id"], ["genres.id"], name="fk_movie_genres_genre_id"),
        sa.PrimaryKeyConstraint("movie_id", "genre_id", name="pk_movie_genres"),
        **_BYTEWISE,
    )
    for name, columns in (
        ("by_title", ["genre_id", "title_key", "year_key", "movie_id"]),
        ("by_year", ["genre_id", "year_key", "title_key", "movie_id"]),
        ("by_id", ["genre_id", "movie_id"]),
    ):
        op.create_index(f"ix_movie_genres_{name}", "movie_genres", columns)
    op.create_table(
        "credits",
        *_movie_id("credits"),
        sa.Column("role", sa.String(10), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("person_id", _id(), nullable=False),
        *_movie_keys(),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_credits_person_id"),
        sa.PrimaryKeyConstraint("movie_id", "role", "position", name="pk_credits"),
        **_BYTEWISE,
    )
    op.create_index(
        "ix_credits_by_title",
        "credits",
        ["person_id", "role", "title_key", "year_key", "movie_id"],
    )
    op.create_table(
        "ratings",
        *_movie_id("ratings"),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(300), nullable=False),
        sa.Column("value", sa.String(300), nullable=False),
        sa.PrimaryKeyConstraint("movie_id", "position", name="pk_ratings"),
        **_BYTEWISE,
    )


def _create_api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", _id(), nullable=False),
        sa.Column("name", sa.String(300), nullable=False),
        sa.Column("prefix", sa.String(20), nullable=False),
        sa.Column(
            "secret_hash", sa.LargeBinary(32).with_variant(TINYBLOB, "mariadb"), nullable=False
        ),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", _datetime(), nullable=False),
        sa.Column("expires_at", _datetime()),
        sa.Column("revoked_at", _datetime()),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("name", name="uq_api_keys_name"),
        sa.UniqueConstraint("prefix", name="uq_api_keys_prefix"),
        **_BYTEWISE,
    )


def _create_seeds() -> None:
    op.create_table(
        "seeds",
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("imdb_id", sa.String(20), nullable=False),
        sa.Column("title", sa.String(500), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.PrimaryKeyConstraint("position", name="pk_seeds"),
        sa.UniqueConstraint("imdb_id", name="uq_seeds_imdb_id"),
        **_BYTEWISE,
    )
