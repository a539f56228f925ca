"""The leaves on which everything stands: clock, ids, money, settings, signing."""

from datetime import UTC, datetime, timedelta

import pytest

from gateways.secret import Secret
from gateways.setting_readers import mapping, secrets, text, url, whole
from gateways.settings import Setting
from ivr.platform import request_signing as signing
from ivr.platform.clock import SystemClock
from ivr.platform.ids import REFERENCE_LENGTH, RandomIds
from ivr.platform.money import NoCurrencyError, decimals, written
from ivr.platform.request_signing import (
    HEADER_NONCE,
    HEADER_SIGNATURE,
    HEADER_TIMESTAMP,
    TOLERANCE_S,
    BadSignatureError,
)
from ivr.platform.settings.reading import SettingsError, read_all, without_secrets
from tests.support.time_and_ids import ManualClock, SequentialIds

# Clock ------------------------------------------------------------------------------------------------------


def test_a_manual_clock_moves_only_when_it_is_moved() -> None:
    clock = ManualClock()
    began = clock.now()
    assert clock.now() == began
    clock.sleep(1.5)
    clock.advance(1)
    assert clock.now() - began == timedelta(seconds=2.5)


def test_the_machines_clock_is_aware_and_in_utc() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)
    assert abs(SystemClock().now() - datetime.now(UTC)) < timedelta(seconds=5)


# Ids --------------------------------------------------------------------------------------------------------


def test_random_ids_name_their_kind_and_fit_their_column() -> None:
    made = {RandomIds().new("confirmation") for _ in range(500)}
    assert len(made) == 500
    assert all(one.startswith("confirmation_") and len(one) <= 40 for one in made)


def test_references_are_eight_digits_without_a_leading_zero() -> None:
    for ids in (RandomIds(), SequentialIds()):
        made = [ids.reference() for _ in range(300)]
        assert all(len(one) == REFERENCE_LENGTH and one.isdigit() and one[0] != "0" for one in made)


def test_secrets_differ_and_are_long() -> None:
    one, other = RandomIds().secret(), RandomIds().secret()
    assert one != other
    assert len(one) >= 43


def test_sequential_ids_count_each_kind() -> None:
    ids = SequentialIds()
    assert [ids.new("call"), ids.new("bill"), ids.new("call")] == ["call_1", "bill_1", "call_2"]


# Money ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minor", "currency", "language", "shown"),
    [
        (4990, "EUR", "en", "€49.90"),
        (4990, "EUR", "es", "49,90 €"),
        (123456789, "EUR", "es", "1.234.567,89 €"),
        (500, "JPY", "en", "¥500"),
        (1234, "KWD", "en", "KWD 1.234"),
        (15000, "CLP", "en", "CLP 15,000"),
        (500, "MXN", "en", "MX$5.00"),
        (1, "USD", "en", "$0.01"),
    ],
)
def test_an_amount_as_a_reader_expects_it(minor: int, currency: str, language: str, shown: str) -> None:
    assert written(minor, currency, language) == shown


def test_decimals_of_what_is_no_currency() -> None:
    with pytest.raises(NoCurrencyError):
        decimals("EURO")


# Settings ---------------------------------------------------------------------------------------------------


def test_faults_are_told_together_and_secrets_not_at_all() -> None:
    wanted = (
        Setting("A", "The first.", whole(1)),
        Setting("B", "The second.", text),
        Setting("C", "The third.", secrets, secret=True),
    )
    with pytest.raises(SettingsError) as refused:
        read_all(wanted, {"A": "x", "B": " ", "C": "hush,hush,hush"})
    assert str(refused.value).splitlines() == [
        "A is 'x'; it must be a whole number, 1 or more.",
        "Set B: The second.",
        "C must be one value, or two separated by a comma.",
    ]


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    assert read_all((Setting("A", "It.", whole(1), "7"),), {"A": ""}) == {"A": 7}


def test_readers() -> None:
    assert url(" https://town.example/pay/ ") == "https://town.example/pay"
    assert mapping("en=Amy, es=Lucia") == {"en": "Amy", "es": "Lucia"}
    assert mapping("") == {}
    assert secrets("new, old") == (Secret("new"), Secret("old"))
    assert secrets("") == ()


@pytest.mark.parametrize("given_", ["-1", "1.0", "٣", "1" * 30, "1_0", ""])
def test_a_whole_number_is_plain_digits(given_: str) -> None:
    with pytest.raises(ValueError):
        whole(0)(given_)


def test_a_url_is_shown_without_its_secrets() -> None:
    assert without_secrets("postgresql://u:p@ss/w@h:1/d?k=v") == "postgresql://***@h:1/d?***"
    assert without_secrets("https://h/x") == "https://h/x"
    assert without_secrets("en=Amy?") == "en=Amy?"


# Signing ----------------------------------------------------------------------------------------------------

NEW, OLD = Secret("new"), Secret("old")
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


class Nonces:
    """Nonces in memory."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def remember(self, nonce: str, now: datetime) -> bool:
        new = nonce not in self.seen
        self.seen.add(nonce)
        return new


def signed(secret: Secret = NEW, nonce: str = "n1") -> dict[str, str]:
    return signing.sign([secret, OLD], method="POST", target="/pci/x?a=1", body=b"{}", now=NOW, nonce=nonce)


def verify(headers: dict[str, str], nonces: Nonces | None = None, **changes: object) -> None:
    given_ = {"method": "POST", "target": "/pci/x?a=1", "body": b"{}", "now": NOW} | changes
    signing.verify([NEW, OLD], headers=headers, nonces=nonces or Nonces(), **given_)  # type: ignore[arg-type]


def test_a_signed_request_is_taken_once() -> None:
    nonces = Nonces()
    verify(signed(), nonces)
    with pytest.raises(BadSignatureError, match="seen before"):
        verify(signed(), nonces)
    verify(signed(nonce="n2"), nonces)


def test_the_old_secret_is_taken_while_it_is_rotated() -> None:
    verify(signed(OLD))
    with pytest.raises(BadSignatureError):
        verify(signed(Secret("other")))


@pytest.mark.parametrize(
    "changed", [{"method": "PUT"}, {"target": "/pci/x?a=2"}, {"target": "/pci/x"}, {"body": b"{} "}]
)
def test_a_changed_request_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(BadSignatureError, match="does not match"):
        verify(signed(), **changed)


@pytest.mark.parametrize("header", [HEADER_TIMESTAMP, HEADER_NONCE, HEADER_SIGNATURE])
@pytest.mark.parametrize("value", [None, "", "x", "Jos\xe9", "²", "1" * 200])
def test_a_header_that_is_missing_or_wrong_is_refused_and_never_an_error(
    header: str, value: str | None
) -> None:
    headers = signed()
    del headers[header]
    with pytest.raises(BadSignatureError):
        verify(headers | ({header: value} if value is not None else {}))


@pytest.mark.parametrize("off_s", [-TOLERANCE_S, 0, TOLERANCE_S])
def test_clocks_may_differ_a_little(off_s: int) -> None:
    verify(signed(), now=NOW + timedelta(seconds=off_s))


@pytest.mark.parametrize("off_s", [-TOLERANCE_S - 1, TOLERANCE_S + 1])
def test_an_old_or_early_request_is_refused_and_its_nonce_not_kept(off_s: int) -> None:
    nonces = Nonces()
    with pytest.raises(BadSignatureError, match="clocks"):
        verify(signed(), nonces, now=NOW + timedelta(seconds=off_s))
    assert nonces.seen == set()


def test_a_forged_request_leaves_no_nonce() -> None:
    nonces = Nonces()
    with pytest.raises(BadSignatureError):
        verify(signed(Secret("other")), nonces)
    assert nonces.seen == set()
