"""How many rows of a table have each value of a column."""

import sqlalchemy as sa


def count_by(tx: sa.Connection, column: sa.Column[str]) -> list[tuple[str, int]]:
    """The values that there are, in their order, and how many rows have each."""
    rows = tx.execute(sa.select(column, sa.func.count()).group_by(column).order_by(column))
    return [(value, count) for value, count in rows]
