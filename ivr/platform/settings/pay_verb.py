"""The settings of card entry by the carrier's Pay verb (`CARD_ENTRY=pay`)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gateways.setting_readers import mapping, text
from gateways.settings import number, setting
from ivr.platform.settings.reading import wrong

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


def words(value: str) -> tuple[str, ...]:
    """Words separated by spaces or commas, in lower case, each once."""
    return tuple(dict.fromkeys(value.replace(",", " ").lower().split()))


@dataclass(frozen=True, slots=True)
class PaySettings:
    """The attributes of the Pay verb."""

    connector: str = setting(
        "PAY_CONNECTOR", "The unique name of the carrier's Pay Connector.", text, "Default"
    )
    language: Mapping[str, str] = setting(
        "PAY_LANGUAGE",
        "The language code of the carrier's Pay verb for each language.",
        mapping,
        "en=en-GB,es=es-ES",
    )
    card_types: tuple[str, ...] = setting(
        "PAY_CARD_TYPES",
        "The card types that the Pay verb takes, separated by spaces.",
        words,
        "visa mastercard amex",
    )
    timeout_s: int = number(
        "PAY_TIMEOUT_S",
        "How long the Pay verb waits for a key, in seconds: 1 to 60.",
        8,
        most=PAY_TIMEOUT_S_MAX,
    )
    max_attempts: int = number(
        "PAY_MAX_ATTEMPTS",
        "How many times the Pay verb asks for each value: 1 to 3.",
        3,
        most=PAY_ATTEMPTS_MAX,
    )

    def faults(self, languages: tuple[str, ...]) -> Iterator[str]:
        """What the verb does not take, so that no caller hears of it. `languages`: those of the line."""
        if not _CONNECTOR.fullmatch(self.connector):
            must = "be the connector's unique name, as the carrier's console shows it"
            yield wrong("PAY_CONNECTOR", self.connector, must)
        if not set(languages) <= self.language.keys() or not set(self.language.values()) <= set(
            PAY_LANGUAGES
        ):
            yield (
                "PAY_LANGUAGE must have a language code for each of LANGUAGES, such as en=en-GB,es=es-ES. "
                f"The carrier has {', '.join(PAY_LANGUAGES)}."
            )
        if not self.card_types or not set(self.card_types) <= set(PAY_CARD_TYPES):
            must = f"be one or more of {', '.join(PAY_CARD_TYPES)}, separated by spaces"
            yield wrong("PAY_CARD_TYPES", " ".join(self.card_types), must)
