"""The settings of the Stripe account."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gateways.secret import Secret
from gateways.setting_readers import one_of, secret, secrets, url, yes_or_no
from gateways.settings import GatewaySettings, Setting, field_of, setting

_API_KEY = Setting(
    "STRIPE_API_KEY",
    "The Stripe account's secret or restricted key: a live key in production, a test key in development.",
    secret,
    "",
    secret=True,
)
_API_BASE = Setting(
    "STRIPE_API_BASE", "The URL of the Stripe API.", url, "https://api.stripe.com", needs_tls=True
)
_MOTO = Setting(
    "STRIPE_MOTO",
    "Whether charges are marked as telephone orders (MOTO): yes only if Stripe has enabled the account for "
    "it.",
    yes_or_no,
    "no",
)
_KEY = re.compile(r"(?:sk|rk)_(test|live)_.")


@dataclass(frozen=True, slots=True)
class StripeSettings(GatewaySettings):
    """Of web and worker."""

    has_connector = True
    unknown_references = (
        ("ch_", "py_"),
        "Stripe's ch_... and py_... are known once the payout was read; until then use pi_...",
    )

    api_key: Secret = field_of(_API_KEY)
    webhook_secrets: tuple[Secret, ...] = setting(
        "STRIPE_WEBHOOK_SECRET",
        "The signing secret of Stripe's webhook endpoint. While it is rotated: two, separated by a comma. "
        "Empty: webhooks are refused, and Stripe is asked for every outcome instead.",
        secrets,
        "",
        secret=True,
    )
    api_base: str = field_of(_API_BASE)
    card_entry: str = setting(
        "STRIPE_CARD_ENTRY",
        "How Stripe takes cards: tokenize (charge later), or authorize (reserve the amount at once, capture "
        "later).",
        one_of("tokenize", "authorize"),
        "tokenize",
    )
    moto: bool = field_of(_MOTO)

    def faults(self, *, in_production: bool) -> Iterator[str]:
        yield from _key_faults(self.api_key, in_production=in_production)
        if not all(one.reveal().startswith("whsec_") for one in self.webhook_secrets):
            yield (
                "STRIPE_WEBHOOK_SECRET must be the signing secret of the webhook endpoint (whsec_...), or "
                "two, separated by a comma."
            )


@dataclass(frozen=True, slots=True)
class StripeCardSettings(GatewaySettings):
    """Of the PCI process."""

    api_key: Secret = field_of(_API_KEY)
    api_base: str = field_of(_API_BASE)
    moto: bool = field_of(_MOTO)

    def faults(self, *, in_production: bool) -> Iterator[str]:
        return _key_faults(self.api_key, in_production=in_production)


def _key_faults(api_key: Secret, *, in_production: bool) -> Iterator[str]:
    """A key of the wrong kind takes real money in a test, or none from a real payer."""
    key = _KEY.match(api_key.reveal())
    wanted = "live" if in_production else "test"
    if key is None:
        yield "STRIPE_API_KEY must be a secret key (sk_...) or a restricted key (rk_...) of the account."
    elif key[1] != wanted:
        where = "production" if in_production else "development"
        yield f"STRIPE_API_KEY is a {key[1]} key; in {where} it must be a {wanted} key."


SETTINGS = StripeSettings
