"""Key-encryption keys, in generations of minutes: kept outside the database, and destroyed.

May import `ivr.clock`. `KeyService` is the port: another home for the keys (an HSM, a key service) is
another class. `DirectoryKeys` keeps them as files in a directory in memory, shared by the PCI processes of
one machine. What was sealed under a generation can be opened as long as that generation lives, and by
nobody afterwards, whatever bytes survive.
"""

import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ivr.clock import Clock

GENERATION_S = 300
LIFE_S = 900
KEY_BYTES = 32
_GENERATION = re.compile(r"[0-9]{1,12}")
_KEY_FILE = re.compile(r"([0-9]{1,12})\.(?:key|[0-9a-f]{16}\.draft)")


class KeyGoneError(Exception):
    """The generation is destroyed, or was never here: what it sealed is lost, as intended."""


class KeyHomeError(Exception):
    """The keys' directory cannot be used; the message says what to mend."""


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation's name and its key."""

    id: str
    key: bytes

    def __repr__(self) -> str:
        return f"Generation({self.id})"


class KeyService(Protocol):
    """Where key-encryption keys live. Never called inside a transaction: it may be a network call."""

    def current(self) -> Generation:
        """The generation for what is sealed now; made where it does not exist yet."""
        ...

    def get(self, generation_id: str) -> Generation:
        """A living generation; raises KeyGoneError."""
        ...

    def sweep(self) -> int:
        """Destroys the generations past their life; returns how many."""
        ...


class DirectoryKeys:
    """Keys as files of 32 random bytes, named by the second in which their generation begins."""

    def __init__(
        self, directory: Path, clock: Clock, *, generation_s: int = GENERATION_S, life_s: int = LIFE_S
    ) -> None:
        if life_s < 2 * generation_s:
            raise ValueError("a generation's key must live at least twice as long as the generation")
        self._directory = directory
        self._clock = clock
        self._generation_s = generation_s
        self._life_s = life_s

    def current(self) -> Generation:
        self._prepare()
        now = int(self._clock.now().timestamp())
        generation_id = str(now - now % self._generation_s)
        with suppress(FileNotFoundError):
            return self._read(generation_id)
        self._make(generation_id)
        return self._read(generation_id)

    def get(self, generation_id: str) -> Generation:
        if not _GENERATION.fullmatch(generation_id) or self._is_over(generation_id):
            raise KeyGoneError("the key's generation is over")
        try:
            return self._read(generation_id)
        except FileNotFoundError:
            raise KeyGoneError("the key is not here") from None

    def sweep(self) -> int:
        """A key is overwritten, then unlinked; leftovers of a process killed while making one go too."""
        over = [path for path in self._files() if self._is_over(path.name.partition(".")[0])]
        for path in over:
            with suppress(FileNotFoundError):  # another process is sweeping as well
                _destroy(path)
        return len(over)

    def _files(self) -> list[Path]:
        if not self._directory.is_dir():
            return []
        return [path for path in self._directory.iterdir() if _KEY_FILE.fullmatch(path.name)]

    def _is_over(self, generation_id: str) -> bool:
        return self._clock.now().timestamp() >= int(generation_id) + self._life_s

    def _path(self, generation_id: str) -> Path:
        return self._directory / f"{generation_id}.key"

    def _read(self, generation_id: str) -> Generation:
        key = self._path(generation_id).read_bytes()
        if len(key) != KEY_BYTES:
            raise KeyGoneError("the key is not whole")
        return Generation(generation_id, key)

    def _make(self, generation_id: str) -> None:
        """Whole or not at all: written beside, then linked. Whoever comes second takes the first one's."""
        draft = self._directory / f"{generation_id}.{os.urandom(8).hex()}.draft"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(AESGCM.generate_key(bit_length=KEY_BYTES * 8))
            with suppress(FileExistsError):
                os.link(draft, self._path(generation_id))
        finally:
            draft.unlink()

    def _prepare(self) -> None:
        """The directory is ours alone, or it is refused."""
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = self._directory.stat(follow_symlinks=False)
        except OSError as fault:
            raise KeyHomeError(f"{self._directory} cannot be made: {fault.strerror}") from None
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise KeyHomeError(
                f"{self._directory} must be a directory of this user with mode 700: set PCI_KEY_DIRECTORY"
            )


def _destroy(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(os.urandom(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()


def is_in_memory(directory: Path, mounts: str) -> bool:
    """Whether the directory lies on a file system in memory; `mounts` is the text of /proc/mounts."""
    resolved = directory.resolve()
    homes = [resolved, *resolved.parents]
    kinds = {}
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) > 2:  # noqa: PLR2004 - device, mount point, type
            kinds[Path(_unescaped(fields[1]))] = fields[2]
    return next((kinds[home] for home in homes if home in kinds), "") in {"tmpfs", "ramfs"}


def _unescaped(mount_point: str) -> str:
    r"""/proc/mounts writes a space as \040."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), mount_point)
