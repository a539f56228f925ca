"""Keyed hashes of cards: the same card the same, nothing that could be found by trying all numbers."""

import hashlib
import hmac

import pytest

from gateways.secret import Secret
from ivr.pci.fingerprints import FingerprintKeys, FingerprintKind
from tests.support.card_entry import AMEX, VISA

ONE, OTHER = Secret("one fingerprint key of 32 characters"), Secret("another fingerprint key, 32 chars")


def test_the_same_card_has_the_same_mark_and_another_has_another() -> None:
    marks = FingerprintKeys([ONE])
    assert marks.of(Secret(VISA)) == FingerprintKeys([ONE]).of(Secret(VISA))
    assert marks.of(Secret(VISA)).card != marks.of(Secret(AMEX)).card


def test_another_key_makes_other_marks_under_another_name() -> None:
    one, other = FingerprintKeys([ONE]).of(Secret(VISA)), FingerprintKeys([OTHER]).of(Secret(VISA))
    assert {one.card.value, one.bin.value}.isdisjoint({other.card.value, other.bin.value})
    assert one.card.key_id != other.card.key_id


def test_during_rotation_the_first_key_writes_and_both_are_read() -> None:
    both = FingerprintKeys([OTHER, ONE]).of(Secret(VISA))
    assert both.card == FingerprintKeys([OTHER]).of(Secret(VISA)).card
    assert FingerprintKeys([ONE]).of(Secret(VISA)).card in both.of(FingerprintKind.CARD)
    assert FingerprintKeys([ONE]).of(Secret(VISA)).bin in both.of(FingerprintKind.BIN)


def test_cards_of_one_bin_share_its_mark_and_no_more() -> None:
    marks = FingerprintKeys([ONE])
    one, two = marks.of(Secret("4242424242424242")), marks.of(Secret("4242424200000000"))
    assert one.bin == two.bin
    assert one.card != two.card
    assert one.bin != marks.of(Secret("4242424142424242")).bin
    assert marks.of(Secret("42424242")).card.value != one.bin.value, "each has a key of its own"
    assert marks.of(Secret("378282246310005")).bin == marks.of(Secret("378282999999999")).bin


def test_no_mark_is_a_bare_hash_or_one_under_the_key_itself() -> None:
    """Whoever has the table and tries every number must not find one, nor join a card to its BIN."""
    marks = FingerprintKeys([ONE]).of(Secret(VISA))
    found = {marks.card.value, marks.bin.value}
    assert len(found) == 2
    for text in (VISA, VISA[:8], VISA[:6]):
        for name in ("sha256", "sha1", "md5", "sha512", "blake2b"):
            assert hashlib.new(name, text.encode()).hexdigest() not in found
        assert hmac.new(ONE.reveal().encode(), text.encode(), "sha256").hexdigest() not in found
    assert ONE.reveal()[:8] not in marks.card.key_id
    assert hashlib.sha256(ONE.reveal().encode()).hexdigest()[:8] != marks.card.key_id


def test_without_a_key_there_is_no_fingerprint() -> None:
    with pytest.raises(ValueError, match="key"):
        FingerprintKeys([])
