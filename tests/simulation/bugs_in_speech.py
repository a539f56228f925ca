"""Bugs to be planted where callers are told what is not so, or what stands for a card is kept too long."""

from collections.abc import Mapping
from unittest import mock

from ivr.calls.session import Session
from ivr.payments.attempts.service import AttemptService
from ivr.payments.gateway_client import GatewayClient
from tests.simulation.planted_bug import GATEWAY_FAILS, QUIET, Bug, Patches


def _promise_left_out() -> Patches:
    """A text is promised, and nobody notes that it is owed."""
    return [mock.patch.object(AttemptService, "promise")]


def _card_kept_in_the_session() -> Patches:
    """The session keeps the token, the expiry and the entry's id while the charge is awaited."""
    return [mock.patch.object(Session, "without_card", lambda session: session)]


def _asked_of_any_gateway() -> Patches:
    """An attempt that was made for another gateway is asked about, and charged, at this one."""
    return [mock.patch.object(GatewayClient, "is_of", return_value=True)]


BUGS_OF_WORDS: Mapping[str, Bug] = {
    "a promised text left out": Bug(_promise_left_out, "no text was ever meant", GATEWAY_FAILS, first=2),
    "a card kept in the session": Bug(_card_kept_in_the_session, "and its session keeps", QUIET),
    "another gateway asked": Bug(
        _asked_of_any_gateway, "which is fenced", GATEWAY_FAILS, deployment="two-gateways", first=4
    ),
}
