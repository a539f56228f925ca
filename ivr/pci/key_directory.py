"""Keys as files of a directory in memory, shared by the PCI processes of one machine.

One file for each generation's key, and in a folder beside them one for each entry's wrapped data key. A key
file is complete or absent, readable by this user alone, and overwritten before it is unlinked. A directory
on a disk would keep what was destroyed: `is_in_memory` tells.
"""

import hashlib
import os
import re
import stat
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ivr.pci.keys import (
    GENERATION_S,
    KEY_BYTES,
    LIFE_S,
    KeyGeneration,
    KeyGoneError,
    KeyStoreError,
    WrappedKey,
)
from ivr.platform.clock import Clock

_GENERATION = re.compile(r"[0-9]{1,12}")
_KEY_FILE = re.compile(r"([0-9]{1,12})\.(?:key|[0-9a-f]{16}\.draft)")
_ENTRY_FILE = re.compile(r"[0-9a-f]{64}\.(?:entry|[0-9a-f]{16}\.draft)")


@dataclass(frozen=True, slots=True)
class DirectoryKeys:
    """A generation's key is a file of 32 random bytes, named by the second in which the generation begins."""

    directory: Path
    clock: Clock
    _: KW_ONLY
    generation_s: int = GENERATION_S
    life_s: int = LIFE_S

    def __post_init__(self) -> None:
        if self.life_s < 2 * self.generation_s:
            raise ValueError("a generation's key must live at least twice as long as the generation")

    @property
    def _entries(self) -> Path:
        return self.directory / "entries"

    def current(self) -> KeyGeneration:
        self._prepare()
        now = int(self.clock.now().timestamp())
        generation_id = str(now - now % self.generation_s)
        with suppress(FileNotFoundError):
            return self._read(generation_id)
        self._write(self._path(generation_id), AESGCM.generate_key(bit_length=KEY_BYTES * 8))
        return self._read(generation_id)

    def get(self, generation_id: str) -> KeyGeneration:
        if not _GENERATION.fullmatch(generation_id) or self._is_over(generation_id):
            raise KeyGoneError("the key's generation is over")
        try:
            return self._read(generation_id)
        except FileNotFoundError:
            raise KeyGoneError("the key is not here") from None

    def keep(self, entry_id: str, wrapped: WrappedKey) -> None:
        self._prepare()
        self._entries.mkdir(mode=0o700, exist_ok=True)
        content = wrapped.generation_id.encode() + b":" + wrapped.wrapped
        self._write(self._entry_path(entry_id), content)

    def fetch(self, entry_id: str) -> WrappedKey:
        try:
            content = self._entry_path(entry_id).read_bytes()
        except FileNotFoundError:
            raise KeyGoneError("the entry's key is not here") from None
        generation_id, _, wrapped = content.partition(b":")
        # Of a file that is being overwritten this is noise: it names no generation, or opens nothing.
        return WrappedKey(generation_id.decode("latin-1"), wrapped)

    def forget(self, entry_id: str) -> None:
        _destroy(self._entry_path(entry_id))

    def sweep(self) -> int:
        """Drafts of a process that was killed while it made a key are destroyed too."""
        if not self._is_there():
            return 0
        generations = _files(self.directory, _KEY_FILE)
        over = [path for path in generations if self._is_over(path.name.partition(".")[0])]
        over += [path for path in _files(self._entries, _ENTRY_FILE) if self._was_kept_too_long(path)]
        for path in over:
            _destroy(path)
        return len(over)

    def _was_kept_too_long(self, path: Path) -> bool:
        try:
            kept_at = path.stat().st_mtime
        except FileNotFoundError:  # forgotten meanwhile
            return False
        return self.clock.now().timestamp() >= kept_at + self.life_s

    def _entry_path(self, entry_id: str) -> Path:
        """Named by the id's digest: an id may hold dots, and must not name a path."""
        return self._entries / f"{hashlib.sha256(entry_id.encode()).hexdigest()}.entry"

    def _is_over(self, generation_id: str) -> bool:
        return self.clock.now().timestamp() >= int(generation_id) + self.life_s

    def _path(self, generation_id: str) -> Path:
        return self.directory / f"{generation_id}.key"

    def _read(self, generation_id: str) -> KeyGeneration:
        key = self._path(generation_id).read_bytes()
        if len(key) != KEY_BYTES:
            raise KeyGoneError("the key is not whole")
        return KeyGeneration(generation_id, key)

    def _write(self, path: Path, content: bytes) -> None:
        """Written as a draft, then linked, so that it is complete or absent. If two write, the first one
        counts.

        A draft that is left after the link is another name of the same bytes, and is overwritten with them.
        A draft that is left before the link is a key that nobody used.
        """
        draft = path.with_suffix(f".{os.urandom(8).hex()}.draft")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                now = self.clock.now().timestamp()
                os.utime(file.fileno(), (now, now))  # its age is told by the clock that the sweep reads
            with suppress(FileExistsError):
                os.link(draft, path)
        finally:
            draft.unlink()

    def _prepare(self) -> None:
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as fault:
            raise KeyStoreError(f"{self.directory} cannot be created: {fault.strerror}") from None
        self._is_there()

    def _is_there(self) -> bool:
        """False if it is absent. Refused if it is not ours alone: the sweep overwrites what is linked
        there.
        """
        try:
            found = self.directory.stat(follow_symlinks=False)
        except FileNotFoundError:
            return False
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise KeyStoreError(
                f"{self.directory} must be a directory of this user with mode 700 (PCI_KEY_DIRECTORY)"
            )
        return True


def _files(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if pattern.fullmatch(path.name)]


def _destroy(path: Path) -> None:
    """Overwritten, then unlinked; another process may be destroying it as well."""
    with suppress(FileNotFoundError):
        with path.open("r+b") as file:
            file.write(os.urandom(os.fstat(file.fileno()).st_size))
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
