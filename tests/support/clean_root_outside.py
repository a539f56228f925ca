"""The carrier and Stripe as the clean root reaches them: the two stand-ins, in its network.

Prints where they listen. When its input ends it prints what they took.
"""

import json
import sys
from datetime import UTC, datetime

from ivr.platform.clock import SystemClock
from tests.support.carrier_api import CarrierApi, carrier_api
from tests.support.stripe.server import running_stripe


class _Living(CarrierApi):
    """A carrier whose clock is right."""

    now = property(lambda _: datetime.now(UTC))  # type: ignore[assignment]


def main(api_key: str) -> None:
    with carrier_api() as carrier, running_stripe(SystemClock()) as stripe:
        carrier.__class__ = _Living
        stripe.account.key = api_key
        print(json.dumps({"api.twilio.com": carrier.url, "api.stripe.com": stripe.url}), flush=True)  # noqa: T201 - its answer
        sys.stdin.read()
        took = {
            "texts": [text["body"] for text in carrier.texts],
            "taken_minor": stripe.account.books().taken_minor,
            "charges": stripe.account.books().charges,
            "violations": [str(one) for one in stripe.account.violations],
        }
        print(json.dumps(took), flush=True)  # noqa: T201 - its answer


main(sys.argv[1])
