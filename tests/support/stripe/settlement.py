"""Balance transactions: what each movement of money is worth to the merchant, fee and net.

https://docs.stripe.com/reports/balance-transaction-types. With `capture_method=automatic_async`, the default,
the charge in the answer has none yet: it is there shortly afterwards, told by `charge.updated`.
"""

from typing import TYPE_CHECKING

from tests.support.stripe.lists import listed, matching
from tests.support.stripe.wire import Thing

if TYPE_CHECKING:
    from tests.support.stripe.account import StripeAccount

AVAILABLE_AFTER_S = 2 * 24 * 3600


def write(
    account: "StripeAccount",
    kind: str,
    amount_minor: int,
    currency: str,
    source: str | None,
    *,
    category: str = "",
    fee_minor: int = 0,
    at_once: bool = False,
    description: str | None = None,
) -> Thing:
    """One line of the balance; `amount_minor` is negative where money leaves it."""
    fees = [
        {
            "amount": fee_minor,
            "application": None,
            "currency": currency,
            "description": "Stripe processing fees",
            "type": "stripe_fee",
        }
    ]
    line = account.new(
        "txn",
        "balance_transaction",
        amount=amount_minor,
        available_on=account.now + (0 if at_once else AVAILABLE_AFTER_S),
        balance_type="payments",
        currency=currency,
        description=description,
        exchange_rate=None,
        fee=fee_minor,
        fee_details=fees if fee_minor else [],
        net=amount_minor - fee_minor,
        reporting_category=category or kind,
        source=source,
        status="available" if at_once else "pending",
        type=kind,
    )
    del line["livemode"]
    return line


def fee_minor(account: "StripeAccount", amount_minor: int) -> int:
    switches = account.switches
    return amount_minor * switches.fee_permille // 1000 + switches.fee_fixed_minor


def of_charge(account: "StripeAccount", charge: Thing) -> Thing:
    """What was captured of a charge, on the balance."""
    amount = charge["amount_captured"]
    line = write(
        account,
        "charge",
        amount,
        charge["currency"],
        charge["id"],
        fee_minor=fee_minor(account, amount),
        at_once=account.cards[charge["payment_method"]].card.funds_at_once,
        description=charge["description"],
    )
    charge["balance_transaction"] = line["id"]
    return line


def age(account: "StripeAccount") -> None:
    """Lines become available when their day has come."""
    for line in account.of("balance_transaction"):
        if line["status"] == "pending" and line["available_on"] <= account.now:
            line["status"] = "available"


def retrieve(account: "StripeAccount", line_id: str, params: Thing) -> Thing:
    return account.find("balance_transaction", line_id, "id", in_path=True)


def list_all(account: "StripeAccount", params: Thing) -> Thing:
    found = matching(account.of("balance_transaction"), params, "type", "source", "currency")
    if (payout_id := params.get("payout")) is not None:
        from tests.support.stripe import payouts

        within = payouts.lines(account, payout_id)
        found = [line for line in found if line["id"] in within]
    return listed("/v1/balance_transactions", found, params)


def balance(account: "StripeAccount", params: Thing) -> Thing:
    sums: dict[tuple[str, str], int] = {}
    for line in account.of("balance_transaction"):
        place = (line["status"], line["currency"])
        sums[place] = sums.get(place, 0) + line["net"]

    def shown(status: str) -> list[Thing]:
        return [
            {"amount": amount, "currency": currency, "source_types": {"card": amount}}
            for (one, currency), amount in sums.items()
            if one == status
        ] or [{"amount": 0, "currency": "eur", "source_types": {"card": 0}}]

    return {
        "object": "balance",
        "available": shown("available"),
        "livemode": False,
        "pending": shown("pending"),
    }


def account_object(account: "StripeAccount", params: Thing) -> Thing:
    return {
        "id": "acct_standin",
        "object": "account",
        "business_type": "company",
        "charges_enabled": True,
        "country": "ES",
        "default_currency": "eur",
        "details_submitted": True,
        "email": "merchant@example.com",
        "payouts_enabled": True,
        "settings": {
            "card_payments": {"statement_descriptor_prefix": account.switches.statement_prefix},
            "dashboard": {"display_name": "Pay-by-Call's stand-in", "timezone": "Europe/Madrid"},
            "payments": {"statement_descriptor": account.switches.statement_prefix},
        },
        "type": "standard",
    }
