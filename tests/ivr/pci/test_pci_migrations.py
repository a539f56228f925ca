"""The migrations make exactly the schema that the code writes to, on both engines, as often as they run."""

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from ivr.pci.migrations import VERSION_TABLE, can_serve, migrate
from ivr.pci.tables import metadata
from ivr.platform.database.engine import make_engine, reading
from tests.support.card_entry import both_engines


@both_engines
def test_the_migrated_schema_is_the_one_in_the_code(pci_engine: sa.Engine) -> None:
    with pci_engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []
        assert can_serve(connection)


@both_engines
def test_migrating_again_changes_nothing(pci_engine: sa.Engine) -> None:
    migrate(pci_engine.url.render_as_string(hide_password=False))
    with reading(pci_engine) as connection:
        assert can_serve(connection)


def test_an_empty_database_cannot_be_served(tmp_path_factory: pytest.TempPathFactory) -> None:
    url = f"sqlite:///{tmp_path_factory.mktemp('empty')}/pci.db"
    engine = make_engine(url)
    with reading(engine) as connection:
        assert not can_serve(connection)
    migrate(url)
    with reading(engine) as connection:
        assert can_serve(connection)
    engine.dispose()
