"""The checker of bodies: the library's own typed parameters, with extra ones forbidden."""

import importlib
from typing import Any

import pytest
import stripe

from tests.gateways.stripe.stand_in.conftest import Merchant
from tests.support.stripe.params import Misfit, fitted
from tests.support.stripe.routes import ROUTES
from tests.support.stripe.server import StripeServer
from tests.support.stripe.wire import nested

RIGHT: dict[str, Any] = {
    "amount": 5000,
    "currency": "eur",
    "allowed_payment_method_types": ["card"],
    "metadata": {"attempt": "a-1", "0": "a name that counts"},
    "description": "Water bill 12345678",
    "expand": ["latest_charge"],
}


def test_a_right_body_passes_with_its_numbers_and_booleans(
    client: stripe.StripeClient, stand_in: StripeServer
) -> None:
    made = client.v1.payment_intents.create(RIGHT)

    assert made.amount == 5000
    assert made.metadata.to_dict() == {"attempt": "a-1", "0": "a name that counts"}
    assert stand_in.account.violations == []


@pytest.mark.parametrize(
    ("wrong", "param", "code"),
    [
        ({"metdata[attempt]": "a-1"}, "metdata", "parameter_unknown"),
        (
            {"payment_method_options": {"card": {"motto": True}}},
            "payment_method_options[card][motto]",
            "parameter_unknown",
        ),
        ({"currency": None}, "currency", "parameter_missing"),
        ({"amount": 50.5}, "amount", "parameter_invalid_integer"),
        ({"amount": "50.00"}, "amount", "parameter_invalid_integer"),
        ({"amount": 50.0}, "amount", "parameter_invalid_integer"),
        ({"confirm": "yes"}, "confirm", None),
        ({"idempotency_key": "a-1"}, "idempotency_key", "parameter_unknown"),
        (
            {"payment_method_types": ["card"]},
            "payment_method_types",
            "payment_method_types_no_longer_supported",
        ),
    ],
)
def test_a_wrong_body_is_refused_and_noted_without_its_value(
    client: stripe.StripeClient, stand_in: StripeServer, wrong: dict[str, Any], param: str, code: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.create({**RIGHT, **wrong})

    assert (refused.value.param, refused.value.code) == (param, code)
    (noted,) = stand_in.account.violations
    assert noted.startswith(f"payment_intents.create: {param} (")
    assert stand_in.account.of("payment_intent") == []
    stand_in.account.violations.clear()


def test_a_misfit_never_shows_what_was_sent(merchant: Merchant, stand_in: StripeServer) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        merchant.v1.payment_methods.create(
            {"type": "card", "card": {"number": "4242424242424242", "exp_month": "4000 0000 0000 0002"}}
        )

    assert "4000 0000 0000 0002" not in repr(refused.value.json_body) + repr(stand_in.account.violations)
    stand_in.account.violations.clear()


def test_what_is_asked_by_get_is_checked_too(client: stripe.StripeClient, stand_in: StripeServer) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=r"created\[since\]"):
        client.v1.payment_intents.list({"created": {"since": 1}})

    assert stand_in.account.violations == ["payment_intents.list: created[since] (extra_forbidden)"]
    stand_in.account.violations.clear()


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.kind)
def test_every_endpoint_has_its_type_in_the_library(route: Any) -> None:
    *package, name = route.params.split(".")

    assert hasattr(importlib.import_module(".".join(["stripe.params", *package])), name)


def test_brackets_are_read_back_into_what_they_were() -> None:
    encoded = "a=1&b[c]=2&b[d][0]=3&b[d][1]=4&e[0][f]=5&e[1][f]=6&metadata[0]=7&h[]=8"

    assert nested(encoded) == {
        "a": "1",
        "b": {"c": "2", "d": ["3", "4"]},
        "e": [{"f": "5"}, {"f": "6"}],
        "metadata": {"0": "7"},
        "h": ["8"],
    }


def test_the_deepest_typo_of_a_list_is_named() -> None:
    typo = "line_items[0][price_data][currency]=eur&line_items[0][price_data][unit_amont]=5"

    misfit = fitted("checkout.SessionCreateParams", nested(typo))

    assert misfit == Misfit("line_items[0][price_data][unit_amont]", "extra_forbidden")
