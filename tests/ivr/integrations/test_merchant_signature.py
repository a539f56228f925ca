"""What we post to the merchant is signed, so that they can check it with any of their secrets and with no
code of ours.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from gateways.secret import Secret
from ivr.integrations.signed_post import sign
from tests.support.merchant_server import is_genuine
from tests.support.time_and_ids import ManualClock

OLD, NEW = Secret("old-secret"), Secret("new-secret")
BODY = '{"name":"José"}'.encode()
README = Path(__file__).parents[3] / "ivr" / "integrations" / "README.md"


@pytest.fixture
def merchants_own_check() -> Any:
    """The function of the README, run as it stands there."""
    example = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert example
    namespace: dict[str, Any] = {}
    exec(example[1], namespace)  # noqa: S102 - our own documentation
    return namespace["is_from_paybycall"]


def test_either_secret_verifies_while_one_is_rotated(clock: ManualClock) -> None:
    header = sign([NEW, OLD], BODY, clock.now())
    assert is_genuine(OLD, header, BODY, clock.now())
    assert is_genuine(NEW, header, BODY, clock.now())
    assert not is_genuine(Secret("another"), header, BODY, clock.now())
    assert not is_genuine(OLD, sign([NEW], BODY, clock.now()), BODY, clock.now())


def test_another_body_or_another_moment_does_not_verify(clock: ManualClock) -> None:
    header = sign([NEW], BODY, clock.now())
    assert not is_genuine(NEW, header, BODY + b" ", clock.now())
    assert not is_genuine(NEW, re.sub(r"t=\d+", "t=1", header), BODY, clock.now())
    clock.advance(301)
    assert not is_genuine(NEW, header, BODY, clock.now())


@pytest.mark.parametrize(
    "header", ["", "t=", "t=x,v1=y", "v1=abc", "t=٤,v1=é", "t=" + "9" * 400 + ",v1=a", ",,=,"]
)
def test_nonsense_does_not_verify(clock: ManualClock, header: str) -> None:
    assert not is_genuine(NEW, header, BODY, clock.now())


def test_the_check_that_the_readme_gives_to_merchants(clock: ManualClock, merchants_own_check: Any) -> None:
    header = sign([NEW, OLD], BODY, clock.now())
    now = clock.now().timestamp()
    assert merchants_own_check("new-secret", header, BODY, now)
    assert merchants_own_check("old-secret", header, BODY, now)
    assert not merchants_own_check("another", header, BODY, now)
    assert not merchants_own_check("new-secret", header, BODY + b" ", now)
    assert not merchants_own_check("new-secret", header, BODY, now + 301)
    for header in ("nonsense", "t=²,v1=é", f"t={'9' * 400},v1=a", f"t={'9' * 5000},v1=a", ",=,", "t=1,v1"):
        assert not merchants_own_check("new-secret", header, BODY, now)
