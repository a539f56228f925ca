"""A real disk that is soon full: a small file system in memory, mounted for the length of a test."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.tools import tool


class SmallDisk:
    """Mounted at `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Until not a byte is left."""
        with suppress(OSError), self._filler.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        assert shutil.disk_usage(self.folder).free == 0

    def empty(self) -> None:
        self._filler.unlink()


@contextmanager
def small_disk(folder: Path, *, size_kb: int, mode: int = 0o755) -> Iterator[SmallDisk]:
    """Skips the test where nothing may be mounted."""
    folder.mkdir(parents=True)
    options = f"size={size_kb}k,mode={mode:o}"
    done = subprocess.run(
        [tool("mount"), "-t", "tmpfs", "-o", options, "none", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"mount is not allowed here (user {os.getuid()}): a full disk needs root")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run([tool("umount"), "-l", str(folder)], check=True)
