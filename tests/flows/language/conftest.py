from pathlib import Path

import pytest

from tests.flows.language.little_flow import Make, flow_maker


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A whole little flow, to be broken in one place."""
    return flow_maker(tmp_path)
