"""Whether a folder still takes what this process writes there: asked by `/readyz`, for a full disk."""

import os
import tempfile
from pathlib import Path

ROOM_BYTES = 256 * 1024


def folder_fault(folder: Path | str, named: str) -> str | None:
    """Why nothing can be written in this folder, as a sentence without its path: strangers may read it. None
    where it can be. Room is taken on the disk for a moment, in a file without a name.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            os.posix_fallocate(file.fileno(), 0, ROOM_BYTES)
    except OSError as fault:
        return f"{named} cannot be written to: {fault.strerror}."
    return None


def temporary_fault() -> str | None:
    """The same of the folder for temporary files."""
    try:
        return folder_fault(tempfile.gettempdir(), "TMPDIR")
    except FileNotFoundError:
        return "There is no folder for temporary files: set TMPDIR."
