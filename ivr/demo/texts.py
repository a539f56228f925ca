"""Texts as the console channel prints them, read from the worker's log while it grows."""

from pathlib import Path

_OF_A_TEXT = ("  +--", "  | ")


class Texts:
    """What was sent since it was last asked."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._read = 0

    def new(self) -> list[str]:
        """The lines of the texts since then; a line that is not whole yet comes the next time."""
        with self._log.open("rb") as file:
            file.seek(self._read)
            whole = file.read().rpartition(b"\n")
        self._read += len(whole[0]) + len(whole[1])
        lines = whole[0].decode(errors="replace").splitlines()
        return [line for line in lines if line.startswith(_OF_A_TEXT)]
