"""Views: the columns of a table that other packages may read."""

import sqlalchemy as sa


def view(table: sa.Table, *columns: str) -> sa.TableClause:
    """The table under its own name, with these columns alone: to be read and joined with, never written."""
    return sa.table(table.name, *(sa.column(name, table.c[name].type) for name in columns))
