"""Lists of bills and payments by time read an index, and no whole table."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_LISTED_BY = (
    ("attempt", ("created_at", "id")),
    ("attempt_move", ("at",)),
    ("bill", ("updated_at", "id")),
)


def upgrade() -> None:
    for table, columns in _LISTED_BY:
        op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns), unique=False)
