"""A caller who waits for a payment: how long, what they hear meanwhile, and the exit of a declined card."""

from gateways.declines import Decline, Remedy, remedy
from ivr.calls.response import Pause
from ivr.calls.session import Session
from ivr.calls.turn import TurnEnd

WAIT_S_MAX = 60
"""How long a caller waits for a charge or a link."""
REASSURE_EVERY_S = 9
FIRST_REASSURANCE = "host.wait.1"
REASSURANCES = ("host.wait.2", "host.wait.3")
"""Those that follow, by turns: after half a minute "one moment" would be a joke."""


def exit_of(decline: Decline) -> str:
    """The exit of a decline: what the caller can do about it."""
    match remedy(decline):
        case Remedy.TRY_ANOTHER_CARD:
            return "try_another_card"
        case Remedy.AUTHENTICATE:
            return "needs_authentication"
        case Remedy.REFUSED:
            return "refused"


def still_waiting(session: Session, waited_s: float) -> TurnEnd:
    """The caller waits on, `waited_s` in all, and hears a word at least every nine seconds."""
    words_before, words_now = (int(s // REASSURE_EVERY_S) for s in (session.payment.waited_s, waited_s))
    prompt = reassurance(words_now) if words_now > words_before else None
    return TurnEnd(session.with_payment(waited_s=waited_s), Pause(), server_prompt=prompt)


def reassurance(count: int) -> str:
    """The server's prompt that is the `count`-th word to somebody who waits."""
    return FIRST_REASSURANCE if count == 1 else REASSURANCES[count % len(REASSURANCES)]
