"""Films of a year, by id: without the index a page of them sorts the whole year."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    op.create_index("ix_movies_by_year_and_id", "movies", ["year_key", "id"])


def downgrade() -> None:
    """Drop the index."""
    op.drop_index("ix_movies_by_year_and_id", "movies")
