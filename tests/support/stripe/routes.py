"""Every endpoint of the stand-in: its path, its name, the library's type of its parameters, and who answers.

A kind is what the library calls it: `payment_intents.confirm`. Faults and counts go by kinds.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.stripe import (
    capturing,
    charges,
    checkout,
    customers,
    disputes,
    intents,
    methods,
    payouts,
    refunds,
    searching,
    settlement,
)
from tests.support.stripe.errors import Refusal
from tests.support.stripe.wire import Request, Thing


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    kind: str
    params: str
    handler: Callable[..., Thing]

    @property
    def pattern(self) -> re.Pattern[str]:
        return re.compile("/v1/" + self.path.replace("*", "([^/]+)"))


ROUTES = (
    Route("POST", "payment_methods", "payment_methods.create", "PaymentMethodCreateParams", methods.create),
    Route("GET", "payment_methods", "payment_methods.list", "PaymentMethodListParams", methods.list_all),
    Route(
        "GET",
        "payment_methods/*",
        "payment_methods.retrieve",
        "PaymentMethodRetrieveParams",
        methods.retrieve,
    ),
    Route(
        "POST",
        "payment_methods/*/attach",
        "payment_methods.attach",
        "PaymentMethodAttachParams",
        methods.attach,
    ),
    Route(
        "POST",
        "payment_methods/*/detach",
        "payment_methods.detach",
        "PaymentMethodDetachParams",
        methods.detach,
    ),
    Route("POST", "payment_intents", "payment_intents.create", "PaymentIntentCreateParams", intents.create),
    Route("GET", "payment_intents", "payment_intents.list", "PaymentIntentListParams", intents.list_all),
    Route(
        "GET",
        "payment_intents/search",
        "payment_intents.search",
        "PaymentIntentSearchParams",
        searching.search,
    ),
    Route(
        "GET",
        "payment_intents/*",
        "payment_intents.retrieve",
        "PaymentIntentRetrieveParams",
        intents.retrieve,
    ),
    Route("POST", "payment_intents/*", "payment_intents.update", "PaymentIntentUpdateParams", intents.update),
    Route(
        "POST",
        "payment_intents/*/confirm",
        "payment_intents.confirm",
        "PaymentIntentConfirmParams",
        intents.confirm,
    ),
    Route(
        "POST",
        "payment_intents/*/capture",
        "payment_intents.capture",
        "PaymentIntentCaptureParams",
        capturing.capture,
    ),
    Route(
        "POST",
        "payment_intents/*/cancel",
        "payment_intents.cancel",
        "PaymentIntentCancelParams",
        capturing.cancel,
    ),
    Route("GET", "charges", "charges.list", "ChargeListParams", charges.list_all),
    Route("GET", "charges/*", "charges.retrieve", "ChargeRetrieveParams", charges.retrieve),
    Route("POST", "refunds", "refunds.create", "RefundCreateParams", refunds.create),
    Route("GET", "refunds", "refunds.list", "RefundListParams", refunds.list_all),
    Route("GET", "refunds/*", "refunds.retrieve", "RefundRetrieveParams", refunds.retrieve),
    Route("POST", "customers", "customers.create", "CustomerCreateParams", customers.create),
    Route("GET", "customers", "customers.list", "CustomerListParams", customers.list_all),
    Route("GET", "customers/*", "customers.retrieve", "CustomerRetrieveParams", customers.retrieve),
    Route("DELETE", "customers/*", "customers.delete", "CustomerDeleteParams", customers.delete),
    Route(
        "GET",
        "customers/*/payment_methods",
        "customers.payment_methods.list",
        "CustomerPaymentMethodListParams",
        methods.list_of_customer,
    ),
    Route(
        "GET",
        "customers/*/payment_methods/*",
        "customers.payment_methods.retrieve",
        "CustomerPaymentMethodRetrieveParams",
        methods.retrieve_of_customer,
    ),
    Route(
        "POST",
        "checkout/sessions",
        "checkout.sessions.create",
        "checkout.SessionCreateParams",
        checkout.create,
    ),
    Route(
        "GET", "checkout/sessions", "checkout.sessions.list", "checkout.SessionListParams", checkout.list_all
    ),
    Route(
        "GET",
        "checkout/sessions/*",
        "checkout.sessions.retrieve",
        "checkout.SessionRetrieveParams",
        checkout.retrieve,
    ),
    Route(
        "POST",
        "checkout/sessions/*/expire",
        "checkout.sessions.expire",
        "checkout.SessionExpireParams",
        checkout.expire,
    ),
    Route("GET", "disputes", "disputes.list", "DisputeListParams", disputes.list_all),
    Route("GET", "disputes/*", "disputes.retrieve", "DisputeRetrieveParams", disputes.retrieve),
    Route("GET", "payouts", "payouts.list", "PayoutListParams", payouts.list_all),
    Route("GET", "payouts/*", "payouts.retrieve", "PayoutRetrieveParams", payouts.retrieve),
    Route("GET", "balance", "balance.retrieve", "BalanceRetrieveParams", settlement.balance),
    Route(
        "GET",
        "account",
        "accounts.retrieve_current",
        "AccountRetrieveCurrentParams",
        settlement.account_object,
    ),
    Route(
        "GET",
        "balance_transactions",
        "balance_transactions.list",
        "BalanceTransactionListParams",
        settlement.list_all,
    ),
    Route(
        "GET",
        "balance_transactions/*",
        "balance_transactions.retrieve",
        "BalanceTransactionRetrieveParams",
        settlement.retrieve,
    ),
    Route("GET", "events", "events.list", "EventListParams", charges.list_events),
    Route("GET", "events/*", "events.retrieve", "EventRetrieveParams", charges.retrieve_event),
)
KINDS = frozenset(route.kind for route in ROUTES)
NO_TYPES_ANY_MORE = {
    "payment_intents.create",
    "payment_intents.update",
    "payment_intents.confirm",
    "checkout.sessions.create",
}
"""https://docs.stripe.com/changelog/endive: `payment_method_types` is read-only."""
EXPIRIES = (checkout.lapse, capturing.lapse, settlement.age)
_PATTERNS = [(route, route.pattern) for route in ROUTES]


def found(request: Request) -> tuple[Route, tuple[str, ...]]:
    """The route, and the ids in its path; Stripe's 404 where there is none."""
    for route, pattern in _PATTERNS:
        if route.method == request.method and (match := pattern.fullmatch(request.path)):
            return route, match.groups()
    raise Refusal(404, f"Unrecognized request URL ({request.method}: {request.path}).", stored=False)


def kind_of(request: Request) -> str | None:
    """For the line: which kind of request this is, before the account has read it."""
    try:
        return found(request)[0].kind
    except Refusal:
        return None
