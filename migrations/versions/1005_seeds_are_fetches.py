"""Seeds as fetch jobs; the table `seeds` stays for processes of the previous version."""

import datetime as dt
import hashlib

import sqlalchemy as sa
from alembic import op

from migrations.column_types import binary_key_type, datetime_type

revision = "1005"
down_revision = "1004"
branch_labels = None
depends_on = None

_FETCH_STATES = {"stored": "fetched", "failed": "not_found", "pending": "failed"}

_FETCHES = sa.table(
    "fetches",
    sa.column("id"),
    sa.column("deduplication_key", binary_key_type()),
    sa.column("active_key", binary_key_type()),
    *map(sa.column, ("imdb_id", "state", "caller", "address", "request_id")),
    *(sa.column(name, datetime_type()) for name in ("created_at", "due_at", "finished_at")),
    *map(sa.column, ("attempts", "not_found_count", "movie_id", "error_code", "error_message")),
    sa.column("is_seed", sa.Boolean()),
)
_SEEDS = sa.table("seeds", *map(sa.column, ("position", "imdb_id", "title", "state", "reason")))
_MOVIES = sa.table("movies", sa.column("id"), sa.column("imdb_id"))


def upgrade() -> None:
    """Turn each seed into a fetch job; one that was not stored is fetched at the next start.

    An open fetch of the same movie becomes the seed: a newer, finished one would hide it.
    """
    op.add_column(
        "fetches", sa.Column("is_seed", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_index("ix_fetches_by_seed", "fetches", ["is_seed", "id"])
    connection = op.get_bind()
    seeds = connection.execute(
        sa.select(_SEEDS, _MOVIES.c.id.label("movie_id"))
        .join_from(_SEEDS, _MOVIES, _SEEDS.c.imdb_id == _MOVIES.c.imdb_id, isouter=True)
        .order_by(_SEEDS.c.position)
    ).mappings()
    by_key = {row["deduplication_key"]: row for row in map(_fetch_columns, seeds)}
    is_open_seed = _FETCHES.c.active_key.in_(by_key)
    for key in connection.scalars(sa.select(_FETCHES.c.active_key).where(is_open_seed)):
        del by_key[key]
    connection.execute(sa.update(_FETCHES).where(is_open_seed).values(is_seed=True))
    if by_key:
        connection.execute(sa.insert(_FETCHES), list(by_key.values()))


def _fetch_columns(seed: sa.RowMapping) -> dict[str, object]:
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    state = _FETCH_STATES[seed["state"]]
    return {
        "deduplication_key": hashlib.sha256(seed["imdb_id"].encode()).digest(),
        "imdb_id": seed["imdb_id"],
        "state": state,
        "caller": "seeding",
        "address": "",
        "request_id": "",
        "created_at": now,
        "due_at": now,
        "finished_at": now,
        "attempts": 1,
        "not_found_count": int(state == "not_found"),
        "movie_id": seed["movie_id"],
        "error_code": {"not_found": "not-found", "failed": "upstream-unavailable"}.get(state),
        "error_message": seed["reason"],
        "is_seed": True,
    }


def downgrade() -> None:
    """Forget which fetch jobs are seeds."""
    op.drop_index("ix_fetches_by_seed", "fetches")
    op.drop_column("fetches", "is_seed")
