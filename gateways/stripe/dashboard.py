"""Where a person finds what is Stripe's in Stripe's dashboard.

What has a page of its own is linked; the rest is found by the dashboard's search, which takes every id.
"""

import re

_HOME = "https://dashboard.stripe.com"
_PAGES = {
    "pi": "payments",
    "ch": "payments",
    "py": "payments",
    "cus": "customers",
    "dp": "disputes",
    "du": "disputes",
    "po": "payouts",
}
_SOUGHT = frozenset({"re", "pyr", "cs"})
_REFERENCE = re.compile(r"([a-z]{2,3})_[A-Za-z0-9_]{1,120}")


def url(reference: str, *, live: bool) -> str | None:
    """None where it is no reference of Stripe's that has a page."""
    named = _REFERENCE.fullmatch(reference)
    home = _HOME if live else f"{_HOME}/test"
    if named is None:
        return None
    if named[1] in _SOUGHT:
        return f"{home}/search?query={reference}"
    return f"{home}/{_PAGES[named[1]]}/{reference}" if named[1] in _PAGES else None
