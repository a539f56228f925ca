"""Whose card it is that is tried, by what the network says of the number."""

import pytest

from ivr.customers.caller import WITHHELD, Caller
from ivr.fraud.identity import UNPROVEN, Proof, by_phone, proof_of, verstat_to_keep

ANNA = "+34600111222"


@pytest.mark.parametrize(
    ("verstat", "proof"),
    [
        ("TN-Validation-Passed-A", Proof.PROVEN),
        ("TN-Validation-Passed-B", Proof.PROVEN),
        ("TN-Validation-Passed-A-Diverted", Proof.PROVEN),
        ("TN-Validation-Passed", Proof.PROVEN),
        ("TN-Validation-Passed-C", Proof.DOUBTFUL),
        ("TN-Validation-Passed-C-Passthrough", Proof.DOUBTFUL),
        ("No-TN-Validation", Proof.DOUBTFUL),
        ("TN-Validation-Failed", Proof.FORGED),
        ("TN-Validation-Failed-A", Proof.FORGED),
        ("tn-validation-failed-c", Proof.FORGED),
        ("", Proof.NOTHING_SAID),
        (None, Proof.NOTHING_SAID),
        ("something new", Proof.NOTHING_SAID),
    ],
)
def test_what_the_carrier_says_of_a_number(verstat: str | None, proof: Proof) -> None:
    assert proof_of(verstat) is proof


@pytest.mark.parametrize(
    ("given", "verstat", "name", "weight"),
    [
        (ANNA, None, ANNA, 1),
        (ANNA, "TN-Validation-Passed-A", ANNA, 1),
        (ANNA, "No-TN-Validation", ANNA, 2),
        (ANNA, "TN-Validation-Failed-B", UNPROVEN, 1),
        ("anonymous", None, WITHHELD, 1),
        ("anonymous", "TN-Validation-Failed-B", WITHHELD, 1),
        ("anonymous", "No-TN-Validation", WITHHELD, 1),
    ],
)
def test_under_which_name_a_try_is_counted(given: str, verstat: str | None, name: str, weight: int) -> None:
    caller = Caller.of(given, "ES")
    identity = by_phone(caller, verstat, call_id="call_1", bill_id="bill_1", doubtful_weight=2)
    assert (identity.caller, identity.weight) == (name, weight)


def test_only_what_a_carrier_says_is_kept() -> None:
    assert verstat_to_keep(" TN-Validation-Passed-A ") == "TN-Validation-Passed-A"
    for other in ("", None, "x" * 41, "a\x00b", "señal", "4242424242424242"):
        assert verstat_to_keep(other) is None
