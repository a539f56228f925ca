"""Runs the tests near a fault in a copy of the checkout, so that the checkout itself never holds a fault."""

import os
import shutil
import subprocess
import sys
from enum import StrEnum
from pathlib import Path

from tests.mutants.fault import Fault

COPIED = (
    "ivr",
    "flows",
    "gateways",
    "tests",
    "docs",
    "pyproject.toml",
    "Procfile",
    "README.md",
    "CONTRIBUTING.md",
)
TIMEOUT_S = 600
_TESTS_FAILED = 1


class Outcome(StrEnum):
    """What the tests said to a fault."""

    NOTICED = "noticed"
    SURVIVED = "NOT NOTICED"
    BROKEN = "TESTS DID NOT RUN"


class Checkout:
    """A copy in which one fault at a time is planted."""

    def __init__(self, root: Path, folder: Path, postgres_url: str) -> None:
        folder.mkdir()
        for name in COPIED:
            copy = shutil.copytree if (root / name).is_dir() else shutil.copy
            copy(root / name, folder / name)
        self._folder = folder
        self._environ = {
            **os.environ,
            "PYTHONPATH": str(folder),
            "TEST_POSTGRES_URL": postgres_url,
        }

    def outcome(self, fault: Fault) -> Outcome:
        """Plants the fault, runs its tests until the first that fails, and takes it out again."""
        path = self._folder / fault.file
        source = path.read_text()
        try:
            self._write(path, fault.planted(source))
            return self._run(fault)
        finally:
            self._write(path, source)

    def _run(self, fault: Fault) -> Outcome:
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *fault.tests]
        try:
            done = subprocess.run(
                command,
                cwd=self._folder,
                env=self._environ,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:  # it hangs: whoever runs the tests notices that
            return Outcome.NOTICED
        if done.returncode == 0:
            return Outcome.SURVIVED
        return Outcome.NOTICED if done.returncode == _TESTS_FAILED else Outcome.BROKEN

    def _write(self, path: Path, source: str) -> None:
        """Python would take what it compiled before for what stands there, where size and second agree."""
        path.write_text(source)
        for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
            compiled.unlink()
