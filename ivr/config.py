"""The settings of the web and worker processes, read once at boot; the PCI process lists its own in
`ivr.pci.settings`.

`load` refuses a configuration that cannot work and says which variables to set; production refuses the
sandbox gateway, the console channel, the demo's name and plain http. Nothing else reads the
environment.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateways.secret import Secret
from ivr.config_faults import DEMO_MERCHANT, faults_of, languages_of, wording_of
from ivr.settings import (
    Setting,
    SettingsError,
    mapping,
    one_of,
    read_all,
    secret,
    secrets,
    sentences,
    text,
    url,
    whole,
    words,
)
from ivr.wording import Wording

BY_CARRIER = ("CARD_ENTRY", "pay")
"""Where the carrier takes the cards there is no PCI process, and nothing of it need be set."""
GENERAL: tuple[Setting[Any], ...] = (
    Setting("ENVIRONMENT", "development or production.", one_of("development", "production"), "production"),
    Setting(
        "DATABASE_URL", "Where bills, calls and payments are kept: sqlite:///file or postgresql://...", text
    ),
    Setting("PUBLIC_URL", "The URL under which the carrier reaches the web process.", url),
    Setting(
        "PCI_INTERNAL_URL",
        "The URL under which the web process reaches the PCI process.",
        url,
        unless=BY_CARRIER,
    ),
    Setting(
        "INTERNAL_SECRET",
        "Signs requests between web and PCI: the same in both, 32 random characters or more.",
        secrets,
        secret=True,
        unless=BY_CARRIER,
        absent=(),
    ),
    Setting(
        "LOG_LEVEL", "debug, info, warning or error.", one_of("debug", "info", "warning", "error"), "info"
    ),
    Setting(
        "METRICS_TOKEN",
        "The bearer token for /metrics of every process. Empty: nobody may read it in production, and everybody "
        "in development.",
        secret,
        "",
        secret=True,
    ),
    Setting(
        "PROMETHEUS_MULTIPROC_DIR",
        "A directory of its own, emptied before a start, where the web processes add up what each counts; "
        "empty: each answers /metrics for itself.",
        text,
        "",
    ),
)
CARRIER: tuple[Setting[Any], ...] = (
    Setting("TWILIO_ACCOUNT_SID", "The carrier account, AC...", text),
    Setting(
        "TWILIO_AUTH_TOKEN",
        "Its auth token; two, separated by a comma, while one is rotated.",
        secrets,
        secret=True,
    ),
    Setting("TWILIO_API_BASE", "The carrier's REST API.", url, "https://api.twilio.com"),
    Setting(
        "CARD_ENTRY",
        "Who takes cards: gather, our PCI process; pay, the carrier by its Pay verb (no digit reaches us).",
        one_of("gather", "pay"),
        "gather",
    ),
    Setting("PAY_CONNECTOR", "The unique name of the carrier's Pay Connector.", text, "Default"),
    Setting(
        "PAY_LANGUAGE",
        "The language of the carrier's Pay verb for each language.",
        mapping,
        "en=en-GB,es=es-ES",
    ),
    Setting(
        "PAY_CARD_TYPES",
        "The kinds of card that the Pay verb takes, separated by blanks.",
        words,
        "visa mastercard amex",
    ),
    Setting("PAY_TIMEOUT_S", "How long the Pay verb waits for a key, in seconds.", whole, "8"),
    Setting("PAY_MAX_ATTEMPTS", "How often the Pay verb asks again after a mistake: 1, 2 or 3.", whole, "3"),
    Setting(
        "MERCHANT_NAME", "The merchant's name as callers hear it and payers read it.", text, DEMO_MERCHANT
    ),
    Setting(
        "BILL_NOUN",
        "What callers hear and payers read for a bill, by language: en=fine,es=la multa. Spanish with its "
        "article, which tells the gender. Empty: bill, factura.",
        mapping,
        "",
    ),
    Setting("PERSON_NUMBER", "Whom `0` rings, in E.164; empty: nobody.", text, ""),
    Setting(
        "HOME_COUNTRY", "ISO code of the country whose numbers may come without their prefix.", text, "ES"
    ),
    Setting("LANGUAGES", "The languages offered, the first is the default.", text, "en,es"),
    Setting(
        "LANGUAGE_BY_NUMBER", "Language by the number called: +34910000000=es,+442000000000=en.", mapping, ""
    ),
    Setting("SAY_LANGUAGE", "The carrier's language tag for each language.", mapping, "en=en-GB,es=es-ES"),
    Setting(
        "SAY_VOICE",
        "The carrier's voice for each language. Set neural ones: with none, the carrier's old voice speaks: "
        "en=Polly.Amy-Neural,es=Polly.Lucia-Neural.",
        mapping,
        "",
    ),
    Setting("RECORDINGS", "A TOML file of recorded prompts; empty: all are synthesized.", text, ""),
    Setting(
        "OTHER_WAYS_TO_PAY",
        "How else you can be paid, said where the call cannot help: en=You can also pay ...|es=También ...; "
        "empty: nothing is said.",
        sentences,
        "",
    ),
    Setting(
        "REFERENCE_PLACE",
        "Where a payer finds the reference, said to whoever misses it: en=It is at the top ...|es=Está ...; "
        "empty: nothing is said.",
        sentences,
        "",
    ),
    Setting("GUESSES_MAX", "Unknown references allowed per caller number in 24 hours.", whole, "10"),
    Setting("GUESSES_MAX_WITHHELD", "The same for all withheld and forged numbers together.", whole, "200"),
)
MONEY: tuple[Setting[Any], ...] = (
    Setting("GATEWAY", "sandbox (development only) or stripe: a folder under gateways/.", text),
    Setting("SANDBOX_URL", "Where the sandbox bank listens.", url, "http://127.0.0.1:8099"),
    Setting(
        "SANDBOX_CARD_ENTRY",
        "How the sandbox takes cards: tokenize or authorize.",
        one_of("tokenize", "authorize"),
        "tokenize",
    ),
    Setting(
        "SAVED_CARDS",
        "Whether callers may have their card kept at the gateway for their next payment: yes or no.",
        one_of("no", "yes"),
        "no",
    ),
    Setting(
        "SANDBOX_WEBHOOK_SECRET",
        "Signs the sandbox bank's webhooks, the same as the bank has it; empty: it sends none.",
        secret,
        "",
        secret=True,
    ),
    Setting(
        "LINK_EXPIRES_MIN",
        "How long a payer can pay by a link that was texted, in minutes from 30 to 1430.",
        whole,
        "60",
    ),
    Setting(
        "STRIPE_API_KEY",
        "The Stripe account's secret or restricted key: a live one in production, a test one elsewhere.",
        secret,
        "",
        secret=True,
    ),
    Setting(
        "STRIPE_WEBHOOK_SECRET",
        "The signing secret of Stripe's webhook endpoint; two, separated by a comma, while one is rotated; "
        "empty: webhooks are refused, and every outcome is asked for.",
        secrets,
        "",
        secret=True,
    ),
    Setting("STRIPE_API_BASE", "The Stripe API.", url, "https://api.stripe.com"),
    Setting(
        "STRIPE_CARD_ENTRY",
        "How Stripe takes cards: tokenize, or authorize (held while keyed, captured later).",
        one_of("tokenize", "authorize"),
        "tokenize",
    ),
    Setting(
        "STRIPE_MOTO",
        "Whether charges are marked as telephone orders: yes only once Stripe enabled the account for it.",
        one_of("yes", "no"),
        "no",
    ),
)
MESSAGES: tuple[Setting[Any], ...] = (
    Setting(
        "CHANNEL", "How confirmations leave: sms, or console in development.", one_of("sms", "console"), "sms"
    ),
    Setting("SMS_FROM", "The number, or MG... messaging service, that texts payers.", text, ""),
)
MERCHANT: tuple[Setting[Any], ...] = (
    Setting(
        "BILL_LOOKUP_URL",
        "The merchant's own bill look-up, asked for a reference we do not hold; empty: none.",
        text,
        "",
    ),
    Setting("OUTCOME_URL", "Where the merchant hears of each payment; empty: nowhere.", text, ""),
    Setting("MERCHANT_SECRET", "Signs what we post to the merchant.", secrets, "", secret=True),
)
DEFENCES: tuple[Setting[Any], ...] = (
    Setting("CARD_WINDOW_H", "For how many hours a tried card counts.", whole, "24"),
    Setting("CARD_LOCK_OUT_H", "How many hours a lock-out lasts; a person may lift it sooner.", whole, "24"),
    Setting("CARD_DECLINES_MAX_CALL", "Declined cards in one call; then no more are taken.", whole, "4"),
    Setting("CARD_DECLINES_MAX_CALLER", "The same for a caller's number, over all its calls.", whole, "8"),
    Setting(
        "CARD_DECLINES_MAX_WITHHELD",
        "The same for all withheld numbers together, and for all forged ones together.",
        whole,
        "20",
    ),
    Setting("CARD_DECLINES_MAX_BILL", "The same for a bill, whoever tries to pay it.", whole, "10"),
    Setting("CARD_TRIES_MAX_CALL", "Cards tried in one call, good ones too.", whole, "8"),
    Setting("CARD_TRIES_MAX_CALLER", "The same for a caller's number.", whole, "40"),
    Setting("CARD_TRIES_MAX_WITHHELD", "The same for all withheld, or all forged, numbers.", whole, "200"),
    Setting("CARD_TRIES_MAX_BILL", "The same for a bill.", whole, "20"),
    Setting(
        "CARD_DOUBTFUL_WEIGHT",
        "What one card counts from a number that the carrier has no proof of (STIR/SHAKEN); 1: like any.",
        whole,
        "2",
    ),
    Setting("CARD_BREAKER_WINDOW_MIN", "The breaker looks back this many minutes.", whole, "15"),
    Setting("CARD_BREAKER_CHARGES_MIN", "It needs at least this many answered charges.", whole, "20"),
    Setting(
        "CARD_BREAKER_DECLINES_PERCENT",
        "Where more than this share of them is declined, it opens.",
        whole,
        "60",
    ),
    Setting("CARD_BREAKER_PAUSE_MIN", "For how many minutes no card is then taken at all.", whole, "15"),
)
ALL = GENERAL + CARRIER + MONEY + MESSAGES + MERCHANT + DEFENCES


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting, typed. See `paybycall config` for what each means."""

    environment: str
    database_url: str = field(repr=False)
    """May hold a password."""
    public_url: str
    pci_internal_url: str
    internal_secrets: tuple[Secret, ...]
    log_level: str
    twilio_account_sid: str
    twilio_auth_tokens: tuple[Secret, ...]
    twilio_api_base: str
    card_entry: str
    """gather or pay."""
    pay_connector: str
    pay_language: Mapping[str, str]
    pay_card_types: tuple[str, ...]
    pay_timeout_s: int
    pay_max_attempts: int
    merchant_name: str
    wording: Wording
    person_number: str
    home_country: str
    languages: tuple[str, ...]
    language_by_number: Mapping[str, str]
    say_language: Mapping[str, str]
    say_voice: Mapping[str, str]
    recordings: str
    other_ways_to_pay: Mapping[str, str]
    reference_place: Mapping[str, str]
    guesses_max: int
    guesses_max_withheld: int
    gateway: str
    gateway_settings: Mapping[str, Any]
    """The settings whose names begin with the gateway's, as its adapter's `from_settings` takes them."""
    saved_cards: bool
    link_expires_min: int
    channel: str
    sms_from: str
    bill_lookup_url: str
    outcome_url: str
    merchant_secrets: tuple[Secret, ...]
    metrics_token: Secret
    metrics_dir: str
    defences: Mapping[str, int]
    """The settings of `DEFENCES`, by name, as `ivr.defences.caps.Caps` takes them."""

    @property
    def in_production(self) -> bool:
        return self.environment == "production"

    @property
    def carrier_takes_cards(self) -> bool:
        return self.card_entry == "pay"


def load(environ: Mapping[str, str]) -> Config:
    """The settings out of the environment; raises SettingsError with a sentence for each fault."""
    values = read_all(ALL, environ)
    prefix = values["GATEWAY"].upper() + "_"
    config = Config(
        environment=values["ENVIRONMENT"],
        database_url=values["DATABASE_URL"],
        public_url=values["PUBLIC_URL"],
        pci_internal_url=values["PCI_INTERNAL_URL"],
        internal_secrets=values["INTERNAL_SECRET"],
        log_level=values["LOG_LEVEL"],
        twilio_account_sid=values["TWILIO_ACCOUNT_SID"],
        twilio_auth_tokens=values["TWILIO_AUTH_TOKEN"],
        twilio_api_base=values["TWILIO_API_BASE"],
        card_entry=values["CARD_ENTRY"],
        pay_connector=values["PAY_CONNECTOR"],
        pay_language=values["PAY_LANGUAGE"],
        pay_card_types=values["PAY_CARD_TYPES"],
        pay_timeout_s=values["PAY_TIMEOUT_S"],
        pay_max_attempts=values["PAY_MAX_ATTEMPTS"],
        merchant_name=values["MERCHANT_NAME"],
        wording=wording_of(values),
        person_number=values["PERSON_NUMBER"],
        home_country=values["HOME_COUNTRY"],
        languages=languages_of(values),
        language_by_number=values["LANGUAGE_BY_NUMBER"],
        say_language=values["SAY_LANGUAGE"],
        say_voice=values["SAY_VOICE"],
        recordings=values["RECORDINGS"],
        other_ways_to_pay=values["OTHER_WAYS_TO_PAY"],
        reference_place=values["REFERENCE_PLACE"],
        guesses_max=values["GUESSES_MAX"],
        guesses_max_withheld=values["GUESSES_MAX_WITHHELD"],
        gateway=values["GATEWAY"],
        gateway_settings={name: value for name, value in values.items() if name.startswith(prefix)},
        saved_cards=values["SAVED_CARDS"] == "yes",
        link_expires_min=values["LINK_EXPIRES_MIN"],
        channel=values["CHANNEL"],
        sms_from=values["SMS_FROM"],
        bill_lookup_url=values["BILL_LOOKUP_URL"],
        outcome_url=values["OUTCOME_URL"],
        merchant_secrets=values["MERCHANT_SECRET"],
        metrics_token=values["METRICS_TOKEN"],
        metrics_dir=values["PROMETHEUS_MULTIPROC_DIR"],
        defences={one.name: values[one.name] for one in DEFENCES},
    )
    faults = faults_of(values)
    if faults:
        raise SettingsError("\n".join(faults))
    return config
