import pytest

from gateways.declines import Decline, Remedy, remedy


@pytest.mark.parametrize("decline", Decline)
def test_every_decline_leaves_the_caller_something_to_do(decline: Decline) -> None:
    wanted = {
        Decline.AUTHENTICATION_REQUIRED: Remedy.AUTHENTICATE,
        Decline.CONFIG_ERROR: Remedy.REFUSED,
    }
    assert remedy(decline) is wanted.get(decline, Remedy.TRY_ANOTHER_CARD)
