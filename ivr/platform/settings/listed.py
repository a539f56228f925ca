"""The list of the settings of web and worker, each with how its text is read and a sentence for operators.

`paybycall config` shows them, and docs/settings.md is made from them.
"""

from typing import Any

from ivr.platform.database.url import database_url
from ivr.platform.settings import shared as shared_settings
from ivr.platform.settings.declaration import (
    Setting,
    mapping,
    one_of,
    own_secret,
    own_secrets,
    secrets,
    sentences,
    text,
    time_zone,
    url,
    url_with_query,
    whole,
    words,
)
from ivr.platform.settings.faults import DEMO_MERCHANT, LINK_MINUTES, PAY_ATTEMPTS_MAX, PAY_TIMEOUT_S_MAX

GENERAL: tuple[Setting[Any], ...] = (
    shared_settings.ENVIRONMENT,
    Setting(
        "DATABASE_URL",
        "The database of bills, calls and payments: sqlite:///file or postgresql://user:password@host/name.",
        database_url,
        has_password=True,
    ),
    shared_settings.PUBLIC_URL,
    Setting(
        "PCI_INTERNAL_URL",
        "The URL at which web reaches the PCI process, in your own network.",
        url,
        unless=shared_settings.BY_CARRIER,
    ),
    shared_settings.INTERNAL_SECRET,
    shared_settings.LOG_LEVEL,
    shared_settings.METRICS_TOKEN,
    Setting(
        "PROMETHEUS_MULTIPROC_DIR",
        "A directory for nothing else, emptied before each start, where several web workers add up their "
        "metrics. "
        "Empty: each answers /metrics with its own.",
        text,
        "",
    ),
)
CARRIER: tuple[Setting[Any], ...] = (
    shared_settings.TWILIO_ACCOUNT_SID,
    shared_settings.TWILIO_AUTH_TOKEN,
    Setting("TWILIO_API_BASE", "The URL of the carrier's REST API.", url, "https://api.twilio.com"),
    Setting(
        "CARD_ENTRY",
        "Who takes card numbers: gather is our PCI process; pay is the carrier, by its Pay verb.",
        one_of("gather", "pay"),
        "gather",
    ),
    Setting("PAY_CONNECTOR", "The unique name of the carrier's Pay Connector.", text, "Default"),
    Setting(
        "PAY_LANGUAGE",
        "The language code of the carrier's Pay verb for each language.",
        mapping,
        "en=en-GB,es=es-ES",
    ),
    Setting(
        "PAY_CARD_TYPES",
        "The card types that the Pay verb takes, separated by spaces.",
        words,
        "visa mastercard amex",
    ),
    Setting(
        "PAY_TIMEOUT_S",
        "How long the Pay verb waits for a key, in seconds: 1 to 60.",
        whole(1, PAY_TIMEOUT_S_MAX),
        "8",
    ),
    Setting(
        "PAY_MAX_ATTEMPTS",
        "How many times the Pay verb asks for each value: 1 to 3.",
        whole(1, PAY_ATTEMPTS_MAX),
        "3",
    ),
    Setting(
        "MERCHANT_NAME", "The merchant's name as callers hear it and payers read it.", text, DEMO_MERCHANT
    ),
    Setting(
        "MERCHANT_PHONE",
        "The number that payers call with questions about a payment, in E.164; their pages and receipts show "
        "it. Empty: they show the number that was called.",
        text,
        "",
    ),
    Setting(
        "TIME_ZONE",
        "The time zone of dates and times that payers read: UTC, or a name such as Europe/Madrid.",
        time_zone,
        "UTC",
    ),
    Setting(
        "BILL_NOUN",
        "The word for a bill in each language, such as en=fine,es=la multa. In Spanish with its article, "
        "which "
        "gives the gender. Empty: bill, factura.",
        mapping,
        "",
    ),
    shared_settings.PERSON_NUMBER,
    Setting(
        "HOME_COUNTRY",
        "The ISO code of the country whose telephone numbers may be written without a country code.",
        text,
        "ES",
    ),
    Setting(
        "LANGUAGES", "The languages offered, separated by commas. The first is the default.", text, "en,es"
    ),
    Setting(
        "LANGUAGE_BY_NUMBER",
        "The first language by the number called, such as +34910000000=es,+442000000000=en.",
        mapping,
        "",
    ),
    shared_settings.SAY_LANGUAGE,
    shared_settings.SAY_VOICE,
    Setting(
        "RECORDINGS",
        "A TOML file that lists recorded prompts. Empty: every prompt is spoken by the carrier's voice.",
        text,
        "",
    ),
    Setting(
        "OTHER_WAYS_TO_PAY",
        "Other ways to pay, said where the call cannot help, such as en=You can also pay at ...|es=También "
        "puede pagar en .... Empty: nothing is said.",
        sentences,
        "",
    ),
    Setting(
        "REFERENCE_PLACE",
        "Where the reference is printed on the bill, said to a caller who does not find it, such as "
        "en=It is at "
        "the top right.|es=Está arriba a la derecha. Empty: nothing is said.",
        sentences,
        "",
    ),
    Setting(
        "GUESSES_MAX", "How many unknown references one caller's number may try in 24 hours.", whole(1), "10"
    ),
    Setting(
        "GUESSES_MAX_WITHHELD",
        "How many unknown references all withheld and forged numbers together may try in 24 hours.",
        whole(1),
        "200",
    ),
)
MONEY: tuple[Setting[Any], ...] = (
    shared_settings.GATEWAY,
    shared_settings.SANDBOX_URL,
    Setting(
        "SANDBOX_CARD_ENTRY",
        "How the sandbox takes cards: tokenize (charge later), or authorize (reserve the amount at once).",
        one_of("tokenize", "authorize"),
        "tokenize",
    ),
    Setting(
        "SAVED_CARDS",
        "Whether callers may save their card at the gateway for their next payment: yes or no.",
        one_of("no", "yes"),
        "no",
    ),
    Setting(
        "SANDBOX_WEBHOOK_SECRET",
        "Signs the sandbox bank's webhooks: 32 random characters or more, the same at the bank. Empty: "
        "it sends none.",
        own_secret,
        "",
        secret=True,
    ),
    Setting(
        "LINK_EXPIRES_MIN",
        "How long a texted payment link can be paid, in minutes: 30 to 1430.",
        whole(*LINK_MINUTES),
        "60",
    ),
    shared_settings.STRIPE_API_KEY,
    Setting(
        "STRIPE_WEBHOOK_SECRET",
        "The signing secret of Stripe's webhook endpoint. While it is rotated: two, separated by a "
        "comma. Empty: "
        "webhooks are refused, and Stripe is asked for every outcome instead.",
        secrets,
        "",
        secret=True,
    ),
    shared_settings.STRIPE_API_BASE,
    Setting(
        "STRIPE_CARD_ENTRY",
        "How Stripe takes cards: tokenize (charge later), or authorize (reserve the amount at once, "
        "capture later).",
        one_of("tokenize", "authorize"),
        "tokenize",
    ),
    shared_settings.STRIPE_MOTO,
)
MESSAGES: tuple[Setting[Any], ...] = (
    Setting(
        "CHANNEL",
        "How confirmations are sent: sms, or console in development.",
        one_of("sms", "console"),
        "sms",
    ),
    Setting(
        "SMS_FROM",
        "The sender of texts: a number in E.164 form, a short code, a name, or a messaging service (MG...).",
        text,
        "",
    ),
)
MERCHANT: tuple[Setting[Any], ...] = (
    Setting(
        "BILL_LOOKUP_URL",
        "The URL of the merchant's own bill look-up, asked for a reference that is not in our database. "
        "Empty: none.",
        url_with_query,
        "",
    ),
    Setting("OUTCOME_URL", "The URL to which every payment is reported. Empty: none is.", url_with_query, ""),
    Setting(
        "MERCHANT_SECRET",
        "Signs what we post to BILL_LOOKUP_URL and OUTCOME_URL: 32 random characters or more. While it "
        "is rotated: two, "
        "separated by a comma.",
        own_secrets,
        "",
        secret=True,
    ),
)
DEFENCES: tuple[Setting[Any], ...] = (
    Setting("CARD_WINDOW_H", "For how many hours a tried card is counted.", whole(1), "24"),
    Setting(
        "CARD_LOCK_OUT_H", "How many hours a lockout lasts. A person may lift it sooner.", whole(1), "24"
    ),
    Setting(
        "CARD_DECLINES_MAX_CALL", "Declined cards in one call, after which no more are taken.", whole(1), "4"
    ),
    Setting(
        "CARD_DECLINES_MAX_CALLER",
        "Declined cards from one caller's number, over all its calls.",
        whole(1),
        "8",
    ),
    Setting(
        "CARD_DECLINES_MAX_WITHHELD",
        "Declined cards from all withheld numbers together, and from all forged numbers together.",
        whole(1),
        "20",
    ),
    Setting("CARD_DECLINES_MAX_BILL", "Declined cards for one bill, whoever pays it.", whole(1), "10"),
    Setting(
        "CARD_TRIES_MAX_CALL",
        "Tried cards in one call, approved or declined, after which no more are taken.",
        whole(1),
        "8",
    ),
    Setting(
        "CARD_TRIES_MAX_CALLER", "Tried cards from one caller's number, over all its calls.", whole(1), "40"
    ),
    Setting(
        "CARD_TRIES_MAX_WITHHELD",
        "Tried cards from all withheld numbers together, and from all forged numbers together.",
        whole(1),
        "200",
    ),
    Setting("CARD_TRIES_MAX_BILL", "Tried cards for one bill, whoever pays it.", whole(1), "20"),
    Setting(
        "CARD_DOUBTFUL_WEIGHT",
        "How many cards one card counts as, where the carrier cannot vouch for the caller's number "
        "(STIR/SHAKEN).",
        whole(1),
        "2",
    ),
    Setting("CARD_BREAKER_WINDOW_MIN", "How many minutes the breaker looks back.", whole(1), "15"),
    Setting(
        "CARD_BREAKER_CHARGES_MIN",
        "How many answered charges the breaker needs before it decides.",
        whole(1),
        "20",
    ),
    Setting(
        "CARD_BREAKER_DECLINES_PERCENT",
        "The breaker opens where more than this percentage of them is declined: 1 to 100.",
        whole(1, 100),
        "60",
    ),
    Setting(
        "CARD_BREAKER_PAUSE_MIN",
        "For how many minutes no card is taken once the breaker has opened.",
        whole(1),
        "15",
    ),
)
ALL = GENERAL + CARRIER + MONEY + MESSAGES + MERCHANT + DEFENCES
