"""Who uses the demo's folder: `make demo` alone, or any number of `make call` that start a server each.

It is a flock on a file, which the kernel frees however a process ends; the file says whether a demo is ready.
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

_READY = b"ready"


class FolderLock:
    """The lock, to be used as a context."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, folder: Path, *, alone: bool) -> Self | None:
        """The lock, for a demo (`alone`) or a call; None where somebody else's use forbids it."""
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        if alone:
            os.ftruncate(descriptor, 0)
        return cls(descriptor)

    def say_ready(self) -> None:
        os.pwrite(self._descriptor, _READY, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)


def is_ready(folder: Path) -> bool:
    """Whether the demo that has the lock can be rung."""
    return (folder / "lock").read_bytes() == _READY
