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
from ivr.sqlite import version_fault
from ivr.wording import Wording

SECRET_LENGTH_MIN = 32
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
_DATABASES = ("sqlite:///", "postgresql://", "postgresql+psycopg://", "postgres://")
LINK_MINUTES = (30, 1430)
"""Gateways allow a day at most, by their own clock: ten minutes are for ours, and for a slow opening."""
Values = Mapping[str, Any]


def faults_of(values: Values) -> list[str]:
    """A sentence for each fault; none where the settings can work."""
    checks = [_general, _carrier, _languages, _nouns, _money, _messages, _merchant, _defences]
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
            faults.append(f"Set BILL_NOUN to a noun for each language, en=fine,es=la multa: {fault}.")
    return faults


def _general(values: Values) -> list[str]:
    faults = []
    if not values["DATABASE_URL"].startswith(_DATABASES) or ":memory:" in values["DATABASE_URL"]:
        faults.append("Set DATABASE_URL to sqlite:///file or postgresql://user:password@host/name.")
    elif fault := version_fault(values["DATABASE_URL"]):
        faults.append(fault)
    if any(len(one.reveal()) < SECRET_LENGTH_MIN for one in values["INTERNAL_SECRET"]):
        faults.append(
            f"Set INTERNAL_SECRET to {SECRET_LENGTH_MIN} random characters or more, the same in PCI."
        )
    if values["PROMETHEUS_MULTIPROC_DIR"] and not Path(values["PROMETHEUS_MULTIPROC_DIR"]).is_dir():
        faults.append("Set PROMETHEUS_MULTIPROC_DIR to a directory that exists, or leave it away.")
    return faults


def _carrier(values: Values) -> list[str]:
    faults = []
    if values["PERSON_NUMBER"] and not _E164.fullmatch(values["PERSON_NUMBER"]):
        faults.append("Set PERSON_NUMBER in E.164, such as +34910000000, or leave it away.")
    if values["HOME_COUNTRY"] not in phonenumbers.SUPPORTED_REGIONS:
        faults.append("Set HOME_COUNTRY to the two capital letters of a country, such as ES.")
    faults += [
        f"Set {name} to 1 or more." for name in ("GUESSES_MAX", "GUESSES_MAX_WITHHELD") if values[name] < 1
    ]
    if values["RECORDINGS"] and not Path(values["RECORDINGS"]).is_file():
        faults.append("Set RECORDINGS to a TOML file that exists, or leave it away.")
    return faults


def _pay(values: Values) -> list[str]:
    """What the carrier's own card entry needs; its attributes are checked before a caller hears the fault."""
    faults = []
    if values["GATEWAY"] not in PAY_GATEWAYS:
        faults.append(
            f"Set CARD_ENTRY to gather, or GATEWAY to one whose tokens the carrier's connector makes: "
            f"{' or '.join(PAY_GATEWAYS)}."
        )
    elif values[entry := f"{values['GATEWAY'].upper()}_CARD_ENTRY"] != "tokenize":
        faults.append(f"Set {entry} to tokenize: with CARD_ENTRY=pay the carrier gives us tokens.")
    if not _CONNECTOR.fullmatch(values["PAY_CONNECTOR"]):
        faults.append("Set PAY_CONNECTOR to the connector's unique name, as the carrier's console shows it.")
    spoken = values["PAY_LANGUAGE"]
    if not set(languages_of(values)) <= spoken.keys() or not set(spoken.values()) <= set(PAY_LANGUAGES):
        faults.append(
            f"Set PAY_LANGUAGE for each of LANGUAGES, such as en=en-GB,es=es-ES: <Pay> speaks "
            f"{', '.join(PAY_LANGUAGES)}."
        )
    if not values["PAY_CARD_TYPES"] or not set(values["PAY_CARD_TYPES"]) <= set(PAY_CARD_TYPES):
        faults.append(f"Set PAY_CARD_TYPES to some of {', '.join(PAY_CARD_TYPES)}, separated by blanks.")
    if not 1 <= values["PAY_MAX_ATTEMPTS"] <= PAY_ATTEMPTS_MAX:
        faults.append("Set PAY_MAX_ATTEMPTS to 1, 2 or 3.")
    if not 1 <= values["PAY_TIMEOUT_S"] <= PAY_TIMEOUT_S_MAX:
        faults.append(f"Set PAY_TIMEOUT_S to 1 to {PAY_TIMEOUT_S_MAX} seconds.")
    return faults


def _languages(values: Values) -> list[str]:
    offered, spoken = languages_of(values), spoken_languages()
    faults = []
    if not offered or not set(offered) <= set(spoken):
        faults.append(f"Set LANGUAGES to some of {', '.join(spoken)}, separated by commas.")
    by_number = values["LANGUAGE_BY_NUMBER"]
    if not set(by_number.values()) <= set(offered) or not all(
        _E164.fullmatch(number) for number in by_number
    ):
        faults.append(
            "Set LANGUAGE_BY_NUMBER to numbers in E.164 with one of LANGUAGES each: "
            "+34910000000=es,+442000000000=en."
        )
    faults += [
        f"Set {name} in each of LANGUAGES, such as en=A sentence.|es=Una frase., or leave it away."
        for name in ("OTHER_WAYS_TO_PAY", "REFERENCE_PLACE")
        if values[name] and set(values[name]) != set(offered)
    ]
    return faults


def _money(values: Values) -> list[str]:
    known = registry.names()
    if values["GATEWAY"] not in known:
        return [f"Set GATEWAY to one of {', '.join(known)}: there is no other."]
    faults = _stripe(values) if values["GATEWAY"] == "stripe" else []
    least, most = LINK_MINUTES
    if not least <= values["LINK_EXPIRES_MIN"] <= most:
        faults.append(f"Set LINK_EXPIRES_MIN to {least} to {most} minutes: gateways allow no other life.")
    return faults


def _stripe(values: Values) -> list[str]:
    """A key of the wrong kind takes real money in a test, or none from a real payer."""
    key = _STRIPE_KEY.match(values["STRIPE_API_KEY"].reveal())
    if key is None:
        return ["Set STRIPE_API_KEY to a secret key (sk_...) or a restricted one (rk_...) of the account."]
    production = values["ENVIRONMENT"] == "production"
    if production and key[1] == "test":
        return ["Set STRIPE_API_KEY to a live key: production takes real money."]
    if not production and key[1] == "live":
        return ["Set STRIPE_API_KEY to a test key: development takes no real money."]
    return []


def _messages(values: Values) -> list[str]:
    sender = values["SMS_FROM"]
    if sender and not any(pattern.fullmatch(sender) for pattern in _SENDERS):
        return ["Set SMS_FROM to a number in E.164, a short code, a name of 11 letters, or a service MG..."]
    if values["CHANNEL"] == "sms" and not sender:
        return ["Set SMS_FROM: the number that texts payers; or CHANNEL=console in development."]
    return []


def _merchant(values: Values) -> list[str]:
    if (values["BILL_LOOKUP_URL"] or values["OUTCOME_URL"]) and not values["MERCHANT_SECRET"]:
        return ["Set MERCHANT_SECRET: what we post to the merchant is signed with it."]
    return []


def _defences(values: Values) -> list[str]:
    named = [name for name in values if name.startswith("CARD_") and name != "CARD_ENTRY"]
    faults = [f"Set {name} to 1 or more." for name in named if values[name] < 1]
    if values["CARD_BREAKER_DECLINES_PERCENT"] > 100:  # noqa: PLR2004 - per cent
        faults.append("Set CARD_BREAKER_DECLINES_PERCENT to 100 or less.")
    return faults


def _production(values: Values) -> list[str]:
    faults = [
        f"Set {name} to a URL that begins with https://: production refuses plain http."
        for name in ("PUBLIC_URL", "TWILIO_API_BASE", "STRIPE_API_BASE", "BILL_LOOKUP_URL", "OUTCOME_URL")
        if values[name].lower().startswith("http://")
    ]
    if values["CARD_ENTRY"] != "pay" and _leaves_the_machine(values["PCI_INTERNAL_URL"]):
        faults.append(
            "Set PCI_INTERNAL_URL to https://, or to a loopback address: card tokens come that way."
        )
    if not _ACCOUNT.fullmatch(values["TWILIO_ACCOUNT_SID"]):
        faults.append(
            "Set TWILIO_ACCOUNT_SID to AC and 32 hexadecimal digits, as the carrier's console shows it."
        )
    if values["GATEWAY"] == "sandbox":
        faults.append("Set GATEWAY to a real gateway: production refuses the sandbox.")
    if values["MERCHANT_NAME"] == DEMO_MERCHANT:
        faults.append("Set MERCHANT_NAME to whom callers pay: production does not greet them as the demo.")
    if values["CHANNEL"] == "console":
        faults.append("Set CHANNEL to sms: production refuses the console channel.")
    return faults


def _leaves_the_machine(url: str) -> bool:
    """Whether plain http would cross a network."""
    parts = urlsplit(url)
    return parts.scheme.lower() == "http" and parts.hostname not in {"127.0.0.1", "::1", "localhost"}
