"""Seals open for their own entry and field, under their own key, and not otherwise."""

import pytest

from gateways.secret import Secret
from ivr.pci import envelope_encryption as sealing
from ivr.pci.envelope_encryption import BrokenSealError
from ivr.pci.keys import KeyGeneration

OLD = KeyGeneration("1000", b"\x01" * 32)
NEW = KeyGeneration("1300", b"\x02" * 32)


def test_what_is_sealed_opens_again() -> None:
    key, wrapped = sealing.fresh("entry_1", OLD)
    sealed = key.seal("number", Secret("4242424242424242"))
    again = sealing.unwrap("entry_1", wrapped.wrapped, OLD)
    assert again.open("number", sealed) == Secret("4242424242424242")
    assert wrapped.generation_id == "1000"


def test_the_same_digits_never_seal_alike() -> None:
    key, _ = sealing.fresh("entry_1", OLD)
    assert key.seal("code", Secret("123")) != key.seal("code", Secret("123"))


def test_no_nonce_is_used_twice() -> None:
    """Under one key, two seals with the same nonce would tell what they hold, and forge others."""
    made = [sealing.fresh("entry_1", OLD) for _ in range(50)]
    assert len({wrapped.wrapped[:12] for _, wrapped in made}) == 50
    key, _ = made[0]
    assert len({key.seal("code", Secret("123"))[:12] for _ in range(50)}) == 50


def test_a_seal_moved_to_another_field_or_entry_does_not_open() -> None:
    key, wrapped = sealing.fresh("entry_1", OLD)
    sealed = key.seal("code", Secret("123"))
    with pytest.raises(BrokenSealError):
        key.open("number", sealed)
    with pytest.raises(BrokenSealError):
        sealing.unwrap("entry_2", wrapped.wrapped, OLD)
    other, _ = sealing.fresh("entry_2", OLD)
    with pytest.raises(BrokenSealError):
        other.open("code", sealed)


def test_another_generations_key_opens_nothing() -> None:
    _, wrapped = sealing.fresh("entry_1", OLD)
    with pytest.raises(BrokenSealError):
        sealing.unwrap("entry_1", wrapped.wrapped, NEW)
    with pytest.raises(BrokenSealError):
        sealing.unwrap("entry_1", wrapped.wrapped, KeyGeneration(OLD.id, NEW.key))
    with pytest.raises(BrokenSealError):
        sealing.unwrap("entry_1", wrapped.wrapped, KeyGeneration(NEW.id, OLD.key))


@pytest.mark.parametrize("at", [0, 11, 12, -1])
def test_a_changed_byte_does_not_open(at: int) -> None:
    key, _ = sealing.fresh("entry_1", OLD)
    sealed = bytearray(key.seal("code", Secret("123")))
    sealed[at] ^= 1
    with pytest.raises(BrokenSealError) as caught:
        key.open("code", bytes(sealed))
    assert "123" not in str(caught.value)


def test_a_key_shows_itself_nowhere() -> None:
    key, wrapped = sealing.fresh("entry_1", OLD)
    assert str(OLD.key) not in repr(OLD)
    assert "\\x01" not in repr(OLD) + repr(key) + str(wrapped.generation_id)
