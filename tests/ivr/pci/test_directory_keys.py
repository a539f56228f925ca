"""Key generations as files: made once by whoever comes first, shared, and destroyed in time."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ivr.clock import ManualClock
from ivr.pci.keys import DirectoryKeys, KeyGoneError, KeyHomeError, is_in_memory


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


def test_a_key_past_its_life_is_refused_even_before_the_sweep_and_gone_after_it(
    home: Path, clock: ManualClock
) -> None:
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


def test_a_directory_that_others_can_read_is_refused(home: Path, clock: ManualClock) -> None:
    home.mkdir()
    home.chmod(0o755)
    with pytest.raises(KeyHomeError, match="PCI_KEY_DIRECTORY"):
        DirectoryKeys(home, clock).current()


def test_a_link_to_a_directory_is_refused(home: Path, clock: ManualClock, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    home.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyHomeError):
        DirectoryKeys(home, clock).current()


def test_a_directory_that_cannot_be_made_is_told(clock: ManualClock, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KeyHomeError, match="cannot be made"):
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
