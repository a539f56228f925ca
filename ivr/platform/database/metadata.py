"""What every table of the web and worker processes is registered in. The PCI process has tables of its own.

A table stands in the `tables` module of the package that owns it, and only that package reads and writes it.
The naming convention gives every constraint a name that a migration can drop. Moments are UTC, amounts minor
units. Change a table by a migration in `migrations/versions`, in a before and an after half.
"""

from importlib import import_module

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

TABLE_MODULES = (
    "ivr.bills.tables",
    "ivr.calls.tables",
    "ivr.customers.tables",
    "ivr.finance.tables",
    "ivr.fraud.tables",
    "ivr.integrations.tables",
    "ivr.messaging.tables",
    "ivr.payments.tables",
    "ivr.web.api.tables",
)
"""Every module that declares tables."""


def all_tables() -> sa.MetaData:
    """The metadata with every table in it, for migrations and their tests: a process that serves needs only
    the tables that it imports.
    """
    for name in TABLE_MODULES:
        import_module(name)
    return metadata


def view(table: sa.Table, *columns: str) -> sa.TableClause:
    """The table under its own name, with these columns alone: to be read and joined with, never written."""
    return sa.table(table.name, *(sa.column(name, table.c[name].type) for name in columns))
