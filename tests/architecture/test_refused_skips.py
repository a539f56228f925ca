"""CI must not be green because a program was missing: what a skipped test does where REFUSE_SKIPS is set."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
CONFTEST = "from tests.support.refused_skips import pytest_sessionfinish, pytest_terminal_summary\n"
SKIPPED = """
import pytest
{mark}
@pytest.mark.skipif(True, reason="nginx is not installed")
def test_one():
    pass
def test_other():
    pass
"""


@pytest.mark.parametrize(
    ("mark", "refuse", "status"),
    [
        ("", "1", 1),
        ("", "", 0),
        ("@pytest.mark.smoke", "1", 0),
        ("@pytest.mark.published_specs", "1", 0),
    ],
)
def test_a_skip_fails_the_run_where_skips_are_refused(
    tmp_path: Path, mark: str, refuse: str, status: int
) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text(SKIPPED.format(mark=mark))
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n1", "-p", "no:cacheprovider", str(tmp_path)],
        env={**os.environ, "REFUSE_SKIPS": refuse, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == status, ended.stdout
    assert ("test_it.py::test_one: Skipped: nginx is not installed" in ended.stdout) is bool(status)
