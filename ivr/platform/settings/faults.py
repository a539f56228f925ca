"""What is wrong with the settings of web and worker that one alone cannot show, a sentence for each fault.

Better a process that does not start than a caller who hears the fault.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import phonenumbers

import flows.pay_bill
from flows.language import NounError, read_noun
from gateways import registry
from ivr.platform.settings.declaration import without_secrets
from ivr.platform.settings.weak_secrets import used_twice
from ivr.platform.wording import Wording

DEMO_MERCHANT = "Demo Town Hall"
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_STRIPE_KEY = re.compile(r"(?:sk|rk)_(test|live)_.")
_ACCOUNT = re.compile(r"AC[0-9a-f]{32}")
_SENDERS = (
    _E164,
    re.compile(r"MG[0-9a-f]{32}"),
    re.compile(r"[0-9]{3,8}"),
    re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}"),
)
"""A number, a messaging service, a short code, a name of letters."""
PAY_GATEWAYS = ("stripe", "sandbox")
"""The gateways whose tokens a connector of the carrier makes; the sandbox has one that the phone plays."""
PAY_LANGUAGES = (
    "en-AU", "en-CA", "en-GB", "en-IN", "en-US", "es-ES", "es-MX", "fr-CA", "fr-FR", "de-DE", "it-IT",
)  # fmt: skip
PAY_CARD_TYPES = (
    "visa", "mastercard", "amex", "maestro", "discover", "optima", "jcb", "diners-club", "enroute",
)  # fmt: skip
PAY_ATTEMPTS_MAX = 3
PAY_TIMEOUT_S_MAX = 60
"""What <Pay> takes. Source: twilio.com/docs/voice/twiml/pay."""
_CONNECTOR = re.compile(r"[A-Za-z0-9_-]{1,64}")
LINK_MINUTES = (30, 1430)
"""Gateways allow a day at most, by their own clock: ten minutes are left for clocks that differ."""
_SECRETS = (
    "INTERNAL_SECRET", "MERCHANT_SECRET", "METRICS_TOKEN", "SANDBOX_WEBHOOK_SECRET", "TWILIO_AUTH_TOKEN",
    "STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET",
)  # fmt: skip
Values = Mapping[str, Any]


def faults_of(values: Values) -> list[str]:
    """A sentence for each fault; none where the settings can work."""
    checks = [_general, _secrets, _carrier, _languages, _nouns, _money, _messages, _merchant]
    if values["CARD_ENTRY"] == "pay":
        checks.append(_pay)
    if values["ENVIRONMENT"] == "production":
        checks.append(_production)
    return [fault for check in checks for fault in check(values)]


def spoken_languages() -> tuple[str, ...]:
    """The languages in which the default flow has prompts."""
    folder = Path(flows.pay_bill.__file__).parent
    return tuple(sorted(path.name.split(".")[1] for path in folder.glob("prompts.*.toml")))


def languages_of(values: Values) -> tuple[str, ...]:
    """LANGUAGES, read."""
    return tuple(part.strip() for part in values["LANGUAGES"].split(",") if part.strip())


def wording_of(values: Values) -> Wording:
    """BILL_NOUN and HOME_COUNTRY, read. What is wrong with a noun, `faults_of` says."""
    nouns = {}
    for language, text in values["BILL_NOUN"].items():
        with suppress(NounError):
            nouns[language] = read_noun(text, language)
    return Wording(values["HOME_COUNTRY"], nouns)


def _nouns(values: Values) -> list[str]:
    faults = []
    for language, text in values["BILL_NOUN"].items():
        try:
            read_noun(text, language)
        except NounError as fault:
            faults.append(
                f"BILL_NOUN must have a noun for each language, such as en=fine,es=la multa: {fault}."
            )
    return faults


def _wrong(values: Values, name: str, must: str) -> str:
    return f"{name} is {without_secrets(values[name])!r}; it must {must}."


def _general(values: Values) -> list[str]:
    if values["PROMETHEUS_MULTIPROC_DIR"] and not Path(values["PROMETHEUS_MULTIPROC_DIR"]).is_dir():
        return [_wrong(values, "PROMETHEUS_MULTIPROC_DIR", "be a directory that exists, or be left unset")]
    return []


def _secrets(values: Values) -> list[str]:
    """One value for two purposes: who learns it for one can use it for the other."""
    return used_twice({name: values[name] for name in _SECRETS})


def _carrier(values: Values) -> list[str]:
    faults = []
    if values["PERSON_NUMBER"] and not _E164.fullmatch(values["PERSON_NUMBER"]):
        must = "be a number in E.164 form, such as +34910000000, or be left unset"
        faults.append(_wrong(values, "PERSON_NUMBER", must))
    if values["MERCHANT_PHONE"] and not _E164.fullmatch(values["MERCHANT_PHONE"]):
        must = "be a number in E.164 form, such as +34910000000, or be left unset"
        faults.append(_wrong(values, "MERCHANT_PHONE", must))
    if values["HOME_COUNTRY"] not in phonenumbers.SUPPORTED_REGIONS:
        faults.append(_wrong(values, "HOME_COUNTRY", "be the two capital letters of a country, such as ES"))
    if values["RECORDINGS"] and not Path(values["RECORDINGS"]).is_file():
        faults.append(_wrong(values, "RECORDINGS", "be a TOML file that exists, or be left unset"))
    return faults


def _pay(values: Values) -> list[str]:
    """What the carrier's own card entry needs; its attributes are checked before a caller hears the fault."""
    faults = []
    if values["GATEWAY"] not in PAY_GATEWAYS:
        faults.append(
            f"CARD_ENTRY is 'pay'; set it to gather, or set GATEWAY to {' or '.join(PAY_GATEWAYS)}, for "
            f"which the "
            f"carrier has a connector."
        )
    elif values[entry := f"{values['GATEWAY'].upper()}_CARD_ENTRY"] != "tokenize":
        faults.append(_wrong(values, entry, "be tokenize while CARD_ENTRY is pay"))
    if not _CONNECTOR.fullmatch(values["PAY_CONNECTOR"]):
        must = "be the connector's unique name, as the carrier's console shows it"
        faults.append(_wrong(values, "PAY_CONNECTOR", must))
    spoken = values["PAY_LANGUAGE"]
    if not set(languages_of(values)) <= spoken.keys() or not set(spoken.values()) <= set(PAY_LANGUAGES):
        faults.append(
            f"PAY_LANGUAGE must have a language code for each of LANGUAGES, such as en=en-GB,es=es-ES. "
            f"The carrier "
            f"has {', '.join(PAY_LANGUAGES)}."
        )
    if not values["PAY_CARD_TYPES"] or not set(values["PAY_CARD_TYPES"]) <= set(PAY_CARD_TYPES):
        faults.append(
            f"PAY_CARD_TYPES is {' '.join(values['PAY_CARD_TYPES'])!r}; it must be one or more of "
            f"{', '.join(PAY_CARD_TYPES)}, separated by spaces."
        )
    return faults


def _languages(values: Values) -> list[str]:
    offered, spoken = languages_of(values), spoken_languages()
    faults = []
    if not offered or not set(offered) <= set(spoken):
        must = f"be one or more of {', '.join(spoken)}, separated by commas"
        faults.append(_wrong(values, "LANGUAGES", must))
    by_number = values["LANGUAGE_BY_NUMBER"]
    if not set(by_number.values()) <= set(offered) or not all(
        _E164.fullmatch(number) for number in by_number
    ):
        faults.append(
            "LANGUAGE_BY_NUMBER must have numbers in E.164 form, each with one of LANGUAGES, such as "
            "+34910000000=es,+442000000000=en."
        )
    faults += [
        f"{name} must have a sentence in each of LANGUAGES, such as en=A sentence.|es=Una frase., or be "
        f"left unset."
        for name in ("OTHER_WAYS_TO_PAY", "REFERENCE_PLACE")
        if values[name] and set(values[name]) != set(offered)
    ]
    return faults


def _money(values: Values) -> list[str]:
    known = registry.names()
    if values["GATEWAY"] not in known:
        return [_wrong(values, "GATEWAY", f"be {' or '.join(known)}")]
    return _stripe(values) if values["GATEWAY"] == "stripe" else []


def _stripe(values: Values) -> list[str]:
    faults = _stripe_key(values)
    if not all(secret.reveal().startswith("whsec_") for secret in values["STRIPE_WEBHOOK_SECRET"]):
        faults.append(
            "STRIPE_WEBHOOK_SECRET must be the signing secret of the webhook endpoint (whsec_...), or two, "
            "separated by a comma."
        )
    return faults


def _stripe_key(values: Values) -> list[str]:
    """A key of the wrong kind takes real money in a test, or none from a real payer."""
    key = _STRIPE_KEY.match(values["STRIPE_API_KEY"].reveal())
    if key is None:
        return ["STRIPE_API_KEY must be a secret key (sk_...) or a restricted key (rk_...) of the account."]
    production = values["ENVIRONMENT"] == "production"
    if production and key[1] == "test":
        return ["STRIPE_API_KEY is a test key; in production it must be a live key."]
    if not production and key[1] == "live":
        return ["STRIPE_API_KEY is a live key; in development it must be a test key."]
    return []


def _messages(values: Values) -> list[str]:
    sender = values["SMS_FROM"]
    if sender and not any(pattern.fullmatch(sender) for pattern in _SENDERS):
        must = "be a number in E.164 form, a short code, a name of up to 11 letters, or a service (MG...)"
        return [_wrong(values, "SMS_FROM", must)]
    if values["CHANNEL"] == "sms" and not sender:
        return [
            "Set SMS_FROM: the number that texts payers; in development, CHANNEL=console works without it."
        ]
    return []


def _merchant(values: Values) -> list[str]:
    if (values["BILL_LOOKUP_URL"] or values["OUTCOME_URL"]) and not values["MERCHANT_SECRET"]:
        return ["Set MERCHANT_SECRET: what we post to BILL_LOOKUP_URL and OUTCOME_URL is signed with it."]
    return []


def _production(values: Values) -> list[str]:
    faults = [
        _wrong(values, name, "begin with https:// in production")
        for name in ("PUBLIC_URL", "TWILIO_API_BASE", "STRIPE_API_BASE", "BILL_LOOKUP_URL", "OUTCOME_URL")
        if values[name].lower().startswith("http://")
    ]
    if values["CARD_ENTRY"] != "pay" and _leaves_the_machine(values["PCI_INTERNAL_URL"]):
        must = "begin with https:// or name a loopback address, because card tokens are sent to it"
        faults.append(_wrong(values, "PCI_INTERNAL_URL", must))
    if not _ACCOUNT.fullmatch(values["TWILIO_ACCOUNT_SID"]):
        must = "be AC and 32 hexadecimal digits, as the carrier's console shows it"
        faults.append(_wrong(values, "TWILIO_ACCOUNT_SID", must))
    if values["GATEWAY"] == "sandbox":
        faults.append(_wrong(values, "GATEWAY", "be a real gateway in production"))
    if values["MERCHANT_NAME"] == DEMO_MERCHANT:
        faults.append(
            f"Set MERCHANT_NAME: the merchant's name as callers hear it; {DEMO_MERCHANT!r}, its default, is "
            f"for the demo."
        )
    if values["CHANNEL"] == "console":
        faults.append(_wrong(values, "CHANNEL", "be sms in production"))
    return faults


def _leaves_the_machine(url: str) -> bool:
    """Whether plain http would cross a network."""
    parts = urlsplit(url)
    return parts.scheme.lower() == "http" and parts.hostname not in {"127.0.0.1", "::1", "localhost"}
