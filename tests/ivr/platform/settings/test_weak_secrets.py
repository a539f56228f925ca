"""A secret that can be guessed is refused, and so is one value for two settings."""

import re
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path
from random import Random
from string import ascii_letters, digits, punctuation

import pytest

from gateways.secret import Secret
from ivr.platform.settings.weak_secrets import used_twice, weakness

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize(
    "value",
    [
        "a",
        "short",
        "x7Gk2pQ9vB4mZ1tR8wN5cY3hJ6sD0fL",  # 31
        "a" * 32,
        "ab" * 20,
        "abcABC" * 8,
        "0" * 31 + "1",
        "0123456789abcdef0123456789abcdef",
        "0123456789abcdef" * 4,
        "deadbeefdeadbeefdeadbeefdeadbeef",
        "1234567890123456789012345678901234567890",
        "abcdefghijklmnopqrstuvwxyz0123456789",
        "zyxwvutsrqponmlkjihgfedcba9876543210",
        "qwertyuiopasdfghjklzxcvbnm1234567890",
        "xK9$mPq2xK9$mPq2xK9$mPq2xK9$mPq2",
        "changeme-changeme-changeme-changeme",
        "CHANGE_ME_CHANGE_ME_CHANGE_ME_CHANGE_ME",
        "replace-this-with-a-long-random-value",
        "this-is-a-secret-of-32-characters-or-more",
        "an internal secret of more than 32 characters",
        "paybycall-production-internal-secret",
        "passwordpasswordpasswordpassword",
        "your-32-random-characters-here-please",
        "<32 random characters, the same in web and pci>",
        "$(openssl rand -hex 32 >/dev/null; echo)",
        "${INTERNAL_SECRET:?set it in the environment}",
        "8f3a9c...................................",
        "test-test-test-secret-test-test-1234567890",
    ],
)
def test_what_is_easy_to_guess_is_refused_and_not_repeated(value: str) -> None:
    why = weakness(value)
    assert why is not None
    assert why.startswith("must be ")
    assert value not in why or len(value) < 8


def test_what_people_make_by_the_usual_tools_is_taken() -> None:
    chance = Random(1)  # noqa: S311 - the same secrets in each run
    for _ in range(300):
        raw = chance.randbytes(24)
        for made in (
            raw[:16].hex(),
            b64encode(raw).decode(),
            urlsafe_b64encode(raw).decode(),
            "".join(chance.choice("0123456789") for _ in range(40)),
            "".join(chance.choice(ascii_letters + digits + punctuation) for _ in range(32)),
            "".join(chance.choice(punctuation) for _ in range(48)),
        ):
            assert weakness(made) is None, made
    assert weakness("4549225264585564498542090588825858902245") is None, "7 of 10 digits"
    assert weakness("^1kg4xzR#[,PR=F#<z_>HH>s!5zCae0I") is None, "brackets by chance"
    assert weakness("correct staple river violin moss anvil") is None


def test_no_example_of_the_documents_is_taken() -> None:
    ours = r"(?:INTERNAL_SECRET|MERCHANT_SECRET|METRICS_TOKEN|PCI_FINGERPRINT_KEY|SANDBOX_WEBHOOK_SECRET)"
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*")]
    found = [
        value
        for page in pages
        if page.is_file()
        for value in re.findall(
            rf"^\s*(?:export )?{ours}=(.+)$", page.read_text(errors="replace"), re.MULTILINE
        )
    ]
    assert found
    assert [value for value in found if weakness(value) is None] == []


def test_one_value_is_for_one_setting() -> None:
    one, other = Secret("one"), Secret("other")
    assert used_twice({"A": (one,), "B": other, "C": (), "D": Secret(""), "E": Secret("")}) == []
    [told] = used_twice({"A": (other, one), "B": one, "C": ()})
    assert told.startswith("A and B have the same value; each must have its own")
    assert "one" not in told.replace("one with", "")
