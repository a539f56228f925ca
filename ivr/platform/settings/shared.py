"""The settings that web and the PCI process both read, with the same value: each of the two lists takes
them from here.
"""

from ivr.platform.settings.declaration import (
    Setting,
    mapping,
    one_of,
    own_secret,
    own_secrets,
    secret,
    secrets,
    text,
    url,
)

BY_CARRIER = ("CARD_ENTRY", "pay")
"""Where the carrier takes the cards there is no PCI process, and nothing of it need be set."""
ENVIRONMENT = Setting(
    "ENVIRONMENT",
    "development or production. Production refuses the sandbox gateway, plain http and the console channel.",
    one_of("development", "production"),
    "production",
)
PUBLIC_URL = Setting("PUBLIC_URL", "The URL at which the carrier reaches the web process.", url)
INTERNAL_SECRET = Setting(
    "INTERNAL_SECRET",
    "Signs requests between web and PCI. Use the same in both: 32 random characters or more.",
    own_secrets,
    secret=True,
    unless=BY_CARRIER,
    absent=(),
)
LOG_LEVEL = Setting(
    "LOG_LEVEL",
    "The least severe log lines that are written: debug, info, warning or error.",
    one_of("debug", "info", "warning", "error"),
    "info",
)
METRICS_TOKEN = Setting(
    "METRICS_TOKEN",
    "The bearer token for /metrics of every process: 32 random characters or more. Empty: /metrics is "
    "refused in production, and open in development.",
    own_secret,
    "",
    secret=True,
)
TWILIO_ACCOUNT_SID = Setting("TWILIO_ACCOUNT_SID", "The carrier account's id, which begins with AC.", text)
TWILIO_AUTH_TOKEN = Setting(
    "TWILIO_AUTH_TOKEN",
    "The carrier account's auth token. While it is rotated: two, separated by a comma.",
    secrets,
    secret=True,
)
PERSON_NUMBER = Setting(
    "PERSON_NUMBER",
    "The person whom `0` rings, in E.164 form such as +34910000000. Empty: nobody.",
    text,
    "",
)
SAY_LANGUAGE = Setting(
    "SAY_LANGUAGE", "The carrier's language code for each language.", mapping, "en=en-GB,es=es-ES"
)
SAY_VOICE = Setting(
    "SAY_VOICE",
    "The carrier's voice for each language, such as en=Polly.Amy-Neural,es=Polly.Lucia-Neural. "
    "Choose neural "
    "voices. Empty: the carrier's older standard voice speaks.",
    mapping,
    "",
)
GATEWAY = Setting("GATEWAY", "The payment gateway: stripe, or sandbox in development.", text)
SANDBOX_URL = Setting("SANDBOX_URL", "The URL of the sandbox bank.", url, "http://127.0.0.1:8099")
STRIPE_API_KEY = Setting(
    "STRIPE_API_KEY",
    "The Stripe account's secret or restricted key: a live key in production, a test key in development.",
    secret,
    "",
    secret=True,
)
STRIPE_API_BASE = Setting("STRIPE_API_BASE", "The URL of the Stripe API.", url, "https://api.stripe.com")
STRIPE_MOTO = Setting(
    "STRIPE_MOTO",
    "Whether charges are marked as telephone orders (MOTO): yes only if Stripe has enabled the "
    "account for it.",
    one_of("yes", "no"),
    "no",
)
