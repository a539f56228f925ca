"""`expand[]=latest_charge.balance_transaction`: ids in an answer replaced by what they name.

https://docs.stripe.com/api/expanding_objects: at most four levels, `data.` first in a list. The objects of
the account are never changed by it: an answer is a copy.
"""

import copy
from typing import TYPE_CHECKING, Any

from tests.support.stripe.errors import Refusal
from tests.support.stripe.wire import Thing

if TYPE_CHECKING:
    from tests.support.stripe.account import StripeAccount

DEEPEST = 4


def expanded(account: "StripeAccount", thing: Thing, paths: list[str]) -> Thing:
    answer = copy.deepcopy(thing)
    for path in paths:
        names = path.split(".")
        if len(names) > DEEPEST:
            raise Refusal(400, f"You cannot expand more than {DEEPEST} levels of a property ({path}).")
        _open(account, answer, names, path)
    return answer


def _open(account: "StripeAccount", at: Any, names: list[str], path: str) -> None:
    if isinstance(at, list):
        for one in at:
            _open(account, one, names, path)
        return
    if not names or at is None:
        return
    name, *rest = names
    if not isinstance(at, dict) or name not in at:
        raise Refusal(400, f"This property cannot be expanded ({path}).", param="expand")
    value = at[name]
    if isinstance(value, str):
        if value not in account.objects:
            raise Refusal(400, f"This property cannot be expanded ({path}).", param="expand")
        at[name] = value = copy.deepcopy(account.objects[value])
    _open(account, value, rest, path)
