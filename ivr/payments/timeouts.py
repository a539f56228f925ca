"""How long payments wait for what, in seconds, in one place.

The caller waits a minute at most, an adapter's verb takes 15 s at most (`gateways.contract`); the rest
follows from these two.
"""

from ivr.jobs.retry import RetryPolicy

CHARGE_WITHIN_S = 30
"""From the caller's confirmation: unclaimed by then, the attempt is abandoned and never sent."""
CARD_WITHIN_S = 600
"""From the start of a card entry that authorizes: unauthorized by then, and the call gone, the gateway is
asked.
"""
CARD_AT_MOST_S = 3600
"""From the making of the attempt: asked by then even if the call is said to be still there."""
CARD_LOOK_S = 15
"""How often an overdue card entry is looked at while its call is still there."""
SEND_WITHIN_S = 5
"""From the claim: a worker that slept longer than this before sending does not send."""
CONFIRM_WITHIN_S = 14
"""From the claim: a charge that was prepared and is not confirmed by then is not confirmed any more; and a
request that the gateway did not process is not sent again after it, so that none is under way at
`UNDER_WAY_S`.
"""
UNDER_WAY_S = 30
"""From the claim: by then no request of ours can still be on its way, so the gateway may be asked to fence
it.
"""
OPEN_LINK_WITHIN_S = 60
"""From the claim: a payment page that the gateway does not show by then is closed, whether it is there or
not.
"""
LINK_GRACE_S = 60
"""After a link's expiry, by our clock: then the gateway is asked what became of it. As much is laid on its
life when it is made, so that a gateway never finds it too short.
"""
LINK_LIFE_S_MAX = 24 * 3600
"""Gateways keep a payment page open no longer."""
SEND_REFUND_AGAIN_WITHIN_S = 12 * 3600
"""From the first try: gateways remember a key for a day; a refund is sent again under it well before that."""
LOOK_FIRST_S = 2
LOOK_AT_MOST_S = 300
NEEDS_REVIEW_AFTER_S = 24 * 3600
"""An outcome that is unknown for so long is a person's to decide."""
LOST_AFTER_S = 120
"""A job that is late by so much was lost."""
ASK_AGAIN = RetryPolicy(LOOK_FIRST_S, LOOK_AT_MOST_S, NEEDS_REVIEW_AFTER_S)
"""A gateway that does not say what became of something is asked again, for a day."""
ASK_AGAIN_LATE_S = 3600
"""After that day, where it has to end whatever a person does."""
