"""PaymentIntents searched for by metadata or status, a minute after they were written: never right after.

https://docs.stripe.com/search#data-freshness. The query language is the part that a look-up by our own
references needs: clauses joined by AND.
"""

import re
from typing import TYPE_CHECKING

from tests.support.stripe.errors import Refusal
from tests.support.stripe.lists import listed
from tests.support.stripe.wire import Thing

if TYPE_CHECKING:
    from tests.support.stripe.account import StripeAccount


def search(account: "StripeAccount", params: Thing) -> Thing:
    """By `metadata["name"]:"value"` and `status:"value"`, joined by AND; the newest are not found yet."""
    wanted: list[tuple[str, str]] = []
    for clause in re.split(r"\s+AND\s+", params["query"].strip()):
        found = re.fullmatch(
            r"""(?:metadata\[["'](?P<key>[^"']+)["']\]|(?P<field>\w+))\s*:\s*["'](?P<value>[^"']*)["']""",
            clause,
        )
        if found is None:
            raise Refusal(400, "We were unable to parse your search query.", param="query", stored=False)
        wanted.append((found["key"] or f".{found['field']}", found["value"]))

    def fits(intent: Thing) -> bool:
        return all(
            (intent.get(name[1:]) if name.startswith(".") else intent["metadata"].get(name)) == value
            for name, value in wanted
        )

    old_enough = account.now - account.switches.search_lag_s
    seen = [one for one in account.of("payment_intent") if one["created"] <= old_enough and fits(one)]
    answer = listed("/v1/payment_intents/search", seen, {"limit": params.get("limit", 10)})
    return {**answer, "object": "search_result", "next_page": None}
