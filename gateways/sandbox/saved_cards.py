"""What the bank's answers about a saved card mean.

As with money: what is not understood to the last field is `Unknown`, and only the bank's own "no" is one.
"""

import re
from http import HTTPStatus

from gateways.contract import CardDeleted, CardOnFile, Declined, SaveCardResult, Unknown
from gateways.sandbox.answers import error_code, unprocessed
from gateways.sandbox.client import BankReply, NoBankReply
from gateways.sandbox.declines import normalised
from gateways.secret import Secret

_HOLDER = re.compile(r"cus_[0-9a-z]{1,40}")


def saved(reply: BankReply | NoBankReply, token: Secret) -> SaveCardResult:
    """The card as it is charged from now on: by the token that stood for it all along."""
    if isinstance(reply, NoBankReply):
        return Unknown(reply.reason)
    code = error_code(reply.body)
    if reply.status == HTTPStatus.PAYMENT_REQUIRED and code is not None:
        return Declined(normalised(code), code)
    gateway_customer_id = reply.body.get("holder")
    if (
        reply.status != HTTPStatus.CREATED
        or not isinstance(gateway_customer_id, str)
        or not _HOLDER.fullmatch(gateway_customer_id)
    ):
        return unprocessed(reply)
    return CardOnFile(gateway_customer_id, token)


def forgotten(reply: BankReply | NoBankReply) -> CardDeleted | Unknown:
    if isinstance(reply, NoBankReply):
        return Unknown(reply.reason)
    if reply.status == HTTPStatus.OK and reply.body.get("state") == "forgotten":
        return CardDeleted()
    return unprocessed(reply)
