"""Key generations as files: made once by whoever comes first, shared, and destroyed in time."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ivr.pci.key_directory import DirectoryKeys, is_in_memory
from ivr.pci.keys import KeyGoneError, KeyStoreError, WrappedKey
from tests.support.time_and_ids import ManualClock


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def test_a_generation_lasts_minutes_and_its_key_outlives_it(home: Path, clock: ManualClock) -> None:
    keys = DirectoryKeys(home, clock)
    first = keys.current()
    clock.advance(299)
    assert keys.current() == first
    clock.advance(1)
    second = keys.current()
    assert second.id != first.id
    assert second.key != first.key
    assert keys.get(first.id) == first
    clock.advance(600)
    with pytest.raises(KeyGoneError):
        keys.get(first.id)
    assert keys.get(second.id) == second


def test_an_expired_key_is_refused_before_the_sweep_and_deleted_by_it(home: Path, clock: ManualClock) -> None:
    keys = DirectoryKeys(home, clock)
    first = keys.current()
    clock.advance(900)
    with pytest.raises(KeyGoneError):
        keys.get(first.id)
    assert [path.name for path in home.iterdir()] == [f"{first.id}.key"]
    assert keys.sweep() == 1
    assert list(home.iterdir()) == []
    assert keys.sweep() == 0


def test_a_destroyed_key_is_overwritten_first(home: Path, clock: ManualClock, tmp_path: Path) -> None:
    keys = DirectoryKeys(home, clock)
    first = keys.current()
    kept = tmp_path / "another-name-of-the-same-bytes"
    os.link(home / f"{first.id}.key", kept)
    clock.advance(900)
    keys.sweep()
    assert kept.read_bytes() != first.key


def test_a_draft_left_by_a_killed_process_is_swept(home: Path, clock: ManualClock) -> None:
    keys = DirectoryKeys(home, clock)
    first = keys.current()
    (home / f"{first.id}.{'0' * 16}.draft").write_bytes(b"x" * 32)
    (home / "somebody-elses-file").write_bytes(b"")
    clock.advance(900)
    assert keys.sweep() == 2
    assert [path.name for path in home.iterdir()] == ["somebody-elses-file"]


def test_whoever_comes_at_once_gets_the_same_key(home: Path, clock: ManualClock) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: DirectoryKeys(home, clock).current(), range(40)))
    assert len({one.key for one in found}) == 1
    assert len(list(home.iterdir())) == 1


def test_the_directory_and_the_keys_are_ours_alone(home: Path, clock: ManualClock) -> None:
    generation = DirectoryKeys(home, clock).current()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / f"{generation.id}.key").stat().st_mode) == 0o600
    assert len(generation.key) == 32


@pytest.mark.parametrize("act", ["current", "sweep", "keep"])
def test_a_directory_of_another_user_is_refused(
    home: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    """Its owner could put keys there, read ours, or have a file of ours overwritten."""
    keys = DirectoryKeys(home, clock)
    first = keys.current()
    own = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)
    clock.advance(900)
    with pytest.raises(KeyStoreError, match="PCI_KEY_DIRECTORY"):
        keys.keep("entry_1", WrappedKey(first.id, b"x")) if act == "keep" else getattr(keys, act)()
    assert [path.name for path in home.iterdir()] == [f"{first.id}.key"]


def test_a_directory_that_others_can_read_is_refused(home: Path, clock: ManualClock) -> None:
    home.mkdir()
    home.chmod(0o755)
    with pytest.raises(KeyStoreError, match="PCI_KEY_DIRECTORY"):
        DirectoryKeys(home, clock).current()


def test_a_link_to_a_directory_is_refused(home: Path, clock: ManualClock, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    home.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyStoreError):
        DirectoryKeys(home, clock).current()


def test_a_directory_that_cannot_be_made_is_told(clock: ManualClock, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KeyStoreError, match="cannot be created"):
        DirectoryKeys(tmp_path / "file" / "keys", clock).current()


@pytest.mark.parametrize("generation_id", ["", "../../etc/passwd", "1" * 13, "12x", "99999"])
def test_an_id_that_names_no_key_is_gone(home: Path, clock: ManualClock, generation_id: str) -> None:
    with pytest.raises(KeyGoneError):
        DirectoryKeys(home, clock).get(generation_id)


def test_a_key_that_is_not_whole_is_gone(home: Path, clock: ManualClock) -> None:
    keys = DirectoryKeys(home, clock)
    generation = keys.current()
    (home / f"{generation.id}.key").write_bytes(b"short")
    with pytest.raises(KeyGoneError):
        keys.get(generation.id)


def test_a_key_must_outlive_its_generation(home: Path, clock: ManualClock) -> None:
    with pytest.raises(ValueError, match="twice"):
        DirectoryKeys(home, clock, generation_s=300, life_s=500)


WRAPPED = WrappedKey("1000", b"wrapped:" + bytes(range(52)))
ENTRY = "entry.call_1.3"


def kept_files(home: Path) -> list[Path]:
    return list((home / "entries").iterdir())


def test_an_entrys_key_is_kept_fetched_and_forgotten(home: Path, clock: ManualClock) -> None:
    keys = DirectoryKeys(home, clock)
    keys.keep(ENTRY, WRAPPED)
    assert DirectoryKeys(home, clock).fetch(ENTRY) == WRAPPED  # another process of the machine
    [file] = kept_files(home)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "entries").stat().st_mode) == 0o700
    keys.forget(ENTRY)
    keys.forget(ENTRY)
    assert kept_files(home) == []
    with pytest.raises(KeyGoneError):
        keys.fetch(ENTRY)


def test_nothing_is_kept_yet(home: Path, clock: ManualClock) -> None:
    keys = DirectoryKeys(home, clock)
    keys.forget(ENTRY)
    with pytest.raises(KeyGoneError):
        keys.fetch(ENTRY)
    assert keys.sweep() == 0


def test_the_first_key_of_an_entry_stays(home: Path, clock: ManualClock) -> None:
    """An entry that is opened twice in the same moment has one key, whoever's row stands."""
    keys = DirectoryKeys(home, clock)
    keys.keep(ENTRY, WRAPPED)
    keys.keep(ENTRY, WrappedKey("1000", b"another"))
    assert keys.fetch(ENTRY) == WRAPPED
    assert len(kept_files(home)) == 1


def test_a_forgotten_key_is_overwritten_first(home: Path, clock: ManualClock, tmp_path: Path) -> None:
    keys = DirectoryKeys(home, clock)
    keys.keep(ENTRY, WRAPPED)
    [file] = kept_files(home)
    kept = tmp_path / "another-name-of-the-same-bytes"
    os.link(file, kept)
    whole = kept.read_bytes()
    keys.forget(ENTRY)
    assert len(kept.read_bytes()) == len(whole)
    assert not [at for at in range(len(whole) - 8) if whole[at : at + 8] in kept.read_bytes()]


@pytest.mark.parametrize("entry_id", ["../../escaped", "..", ".", "a/b", "x" * 100, "ENTRY", "entry"])
def test_an_entrys_id_names_no_path(home: Path, clock: ManualClock, entry_id: str) -> None:
    keys = DirectoryKeys(home, clock)
    keys.keep(entry_id, WRAPPED)
    assert [path for path in home.parent.rglob("*") if path.is_file()] == kept_files(home)
    assert keys.fetch(entry_id) == WRAPPED
    with pytest.raises(KeyGoneError):
        keys.fetch(entry_id + "x")


def test_a_key_that_nobody_forgot_and_a_draft_are_swept_by_age(home: Path, clock: ManualClock) -> None:
    keys = DirectoryKeys(home, clock)
    keys.keep(ENTRY, WRAPPED)
    [file] = kept_files(home)
    draft = file.with_suffix(f".{'0' * 16}.draft")
    os.link(file, draft)
    (home / "entries" / "somebody-elses-file").write_bytes(b"")
    clock.advance(899)
    keys.keep("entry.call_2.1", WRAPPED)
    assert keys.sweep() == 0
    clock.advance(1)
    assert keys.sweep() == 2
    assert len(kept_files(home)) == 2
    assert keys.fetch("entry.call_2.1") == WRAPPED


def test_a_directory_of_others_is_not_swept(home: Path, clock: ManualClock, tmp_path: Path) -> None:
    """A link in it would have any file of ours overwritten."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    home.mkdir()
    home.chmod(0o777)
    (home / "1000.key").symlink_to(victim)
    with pytest.raises(KeyStoreError, match="PCI_KEY_DIRECTORY"):
        DirectoryKeys(home, clock).sweep()
    assert victim.read_text() == "precious"


MOUNTS = """\
/dev/vda1 / ext4 rw 0 0
tmpfs /run/mem tmpfs rw 0 0
/dev/vdb /run/mem/disk xfs rw 0 0
ramfs /run/my\\040keys ramfs rw 0 0
"""


@pytest.mark.parametrize(
    ("directory", "in_memory"),
    [
        ("/run/mem/keys", True),
        ("/run/mem", True),
        ("/run/mem/disk/keys", False),
        ("/run/memoo", False),
        ("/var/lib/keys", False),
        ("/run/my keys/a/b", True),
    ],
)
def test_where_memory_is(directory: str, in_memory: bool) -> None:
    assert is_in_memory(Path(directory), MOUNTS) is in_memory
