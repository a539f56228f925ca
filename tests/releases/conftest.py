"""The databases of the last release, as it left them and as they are after the migration."""

import shutil
from pathlib import Path

import pytest

from tests.releases.last import LAST, migrate


@pytest.fixture(scope="session")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The databases as that release left them."""
    folder = tmp_path_factory.mktemp("left")
    LAST.load(folder)
    return folder


@pytest.fixture(scope="session")
def migrated(left: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, brought to this release's schema."""
    folder = tmp_path_factory.mktemp("migrated") / "all"
    shutil.copytree(left, folder)
    migrate(f"sqlite:///{folder}/main.db", f"sqlite:///{folder}/pci.db")
    return folder
