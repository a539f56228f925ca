"""What `make` says of a Python that cannot run the server: one sentence, before anything is fetched."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server_processes import ROOT

pytestmark = pytest.mark.slow

OLD_PYTHON = "import sys; sys.version_info = (3, 10, 13, 'final', 0)"
OLD_SQLITE = "import sqlite3; sqlite3.sqlite_version_info = (3, 34, 1)"
NO_MODULE = "raise ImportError(name=__name__)"


@pytest.mark.parametrize(
    ("file", "lines", "said"),
    [
        ("sitecustomize.py", OLD_PYTHON, "needs Python 3.11 or later, and {} (Python 3.10.13) is older."),
        ("ensurepip.py", NO_MODULE, "lacks the module venv. On Debian and Ubuntu: apt install python3-venv"),
        ("sqlite3.py", NO_MODULE, "lacks the module sqlite3. Name another: make PYTHON="),
        ("sitecustomize.py", OLD_SQLITE, "Pay-by-Call needs SQLite 3.35.0 or later, and Python uses 3.34.1"),
    ],
)  # fmt: skip
def test_a_python_that_cannot_run_it(tmp_path: Path, file: str, lines: str, said: str) -> None:
    harmed = tmp_path / "harmed"
    harmed.mkdir()
    (harmed / file).write_text(lines)
    assert said.format(sys.executable) in _refused(tmp_path, sys.executable, PYTHONPATH=str(harmed))


def test_no_python_at_all(tmp_path: Path) -> None:
    said = _refused(tmp_path, "python-of-nobody")
    assert "Pay-by-Call needs Python 3.11 or later, and there is no python-of-nobody here." in said


def test_a_machine_without_network(tmp_path: Path) -> None:
    """In a folder with a blank in its name, for a user without a home."""
    folder = tmp_path / "my clone"
    folder.mkdir()
    _copied(folder)
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run(
        ["sh", "requirements/install.sh", "run"],
        cwd=folder, env={"PATH": os.environ["PATH"], "PYTHON": sys.executable, **nowhere},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("The installer could not be fetched. This machine must ")
    assert not list(folder.glob(".venv*"))


def _copied(folder: Path) -> None:
    for part in ("Makefile", "pyproject.toml", "requirements"):
        (shutil.copytree if (ROOT / part).is_dir() else shutil.copy)(ROOT / part, folder / part)
    (folder / "ivr").symlink_to(ROOT / "ivr")


def _refused(folder: Path, python: str, **variables: str) -> str:
    """What `make call` prints in a clone; it is refused, in one line and make's own, and nothing is there."""
    _copied(folder)
    done = subprocess.run(
        ["make", "call", f"PYTHON={python}"],
        cwd=folder, env={"PATH": os.environ["PATH"], **variables},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    sentence, *makes_own = done.stderr.splitlines()
    assert [line for line in makes_own if not line.startswith("make")] == []
    assert done.stdout == ""
    assert not (folder / ".venv").exists()
    return sentence
