"""`<Pay>` as this phone runs it, read from TwiML, and the faults that a carrier would find in its values.

Tokens of cards are what this phone's connectors make: a charge by the carrier or a bank account is told apart
as lawful TwiML that it does not run. Source: twilio.com/docs/voice/twiml/pay and .../pay/prompt.
"""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from ivr.simulators.phone.values import BadValueError, NotRunError, Prompt, flag, whole

CARD_TYPES = (
    "visa", "mastercard", "amex", "maestro", "discover", "optima", "jcb", "diners-club", "enroute",
)  # fmt: skip
LANGUAGES = (
    "en-AU", "en-CA", "en-GB", "en-IN", "en-US", "es-ES", "es-MX", "fr-CA", "fr-FR", "de-DE", "it-IT",
)  # fmt: skip
TOKEN_TYPES = ("one-time", "reusable", "payment-method")
ERRORS = (
    "timeout", "invalid-card-number", "invalid-card-type", "invalid-date", "invalid-security-code",
    "invalid-postal-code", "internal-error", "input-matching-failed",
)  # fmt: skip
"""What a Prompt's errorType can hold, of cards."""
ATTEMPTS_MAX = 3
PROMPT_ATTEMPTS_MAX = 10


class PayStep(StrEnum):
    """What is asked, in this order; a Prompt's `for` and a report's `For`."""

    NUMBER = "payment-card-number"
    EXPIRY = "expiration-date"
    CODE = "security-code"
    POSTAL_CODE = "postal-code"
    PROCESSING = "payment-processing"


@dataclass(frozen=True, slots=True)
class PayPrompt:
    """What is said at a step, where everything that it names fits; None or nothing named: always."""

    step: str
    card_types: frozenset[str]
    attempts: frozenset[int]
    errors: frozenset[str]
    says: tuple[Prompt, ...]

    def fits(self, step: PayStep, card_type: str | None, attempt: int, error: str | None) -> bool:
        return (
            self.step == step
            and (not self.card_types or card_type in self.card_types)
            and (not self.attempts or attempt in self.attempts)
            and (not self.errors or error in self.errors)
        )

    @property
    def weight(self) -> tuple[bool, bool, bool]:
        """How closely it says when it is meant; the heavier of two that fit is taken, else the first."""
        return bool(self.errors), bool(self.card_types), bool(self.attempts)


@dataclass(frozen=True, slots=True)
class SimulatedPay:
    """The verb, with the carrier's defaults where an attribute is not given."""

    prompts: tuple[PayPrompt, ...]
    action: str
    """Empty: the document's own URL."""
    status_callback: str | None
    timeout_s: int
    attempts_max: int
    """How often it asks again after a mistake in one field."""
    security_code: bool
    postal_code: str
    """true, false, or the very code."""
    postal_code_digits_min: int
    connector: str
    token_type: str
    card_types: frozenset[str]
    language: str


def read_pay(node: ET.Element, read_prompt: Callable[[ET.Element], Prompt]) -> SimulatedPay:
    """Raises BadValueError, or NotRunError for what this phone does not run."""
    if node.get("paymentMethod", "credit-card") != "credit-card":
        raise NotRunError("<Pay> takes a bank account")
    _tokenizes(node)
    if _one_of(node, "input", ("dtmf",), "dtmf") != "dtmf":
        raise BadValueError("<Pay> input must be dtmf")
    attempts = whole(node, "maxAttempts", 1)
    if attempts > ATTEMPTS_MAX:
        raise BadValueError(f"<Pay> maxAttempts must be 1, 2 or 3, not {attempts}")
    types = _several(node, "validCardTypes", CARD_TYPES) or frozenset({"visa", "mastercard", "amex"})
    return SimulatedPay(
        prompts=tuple(_prompt(child, read_prompt) for child in node if child.tag == "Prompt"),
        action=node.get("action", ""),
        status_callback=node.get("statusCallback") or None,
        timeout_s=whole(node, "timeout", 5),
        attempts_max=attempts,
        security_code=flag(node, "securityCode", default=True),
        postal_code=node.get("postalCode", "true"),
        postal_code_digits_min=whole(node, "minPostalCodeLength", 1),
        connector=node.get("paymentConnector", "Default"),
        token_type=_one_of(node, "tokenType", TOKEN_TYPES, "reusable"),
        card_types=types,
        language=_one_of(node, "language", LANGUAGES, "en-US"),
    )


def _tokenizes(node: ET.Element) -> None:
    amount = node.get("chargeAmount", "0")
    try:
        charged = Decimal(amount)
    except InvalidOperation:
        raise BadValueError(f"<Pay> chargeAmount must be a decimal, not {amount!r}") from None
    if charged:
        raise NotRunError("<Pay> charges by itself")


def _prompt(node: ET.Element, read_prompt: Callable[[ET.Element], Prompt]) -> PayPrompt:
    attempts = node.get("attempt", "").split()
    allowed = {str(number) for number in range(1, PROMPT_ATTEMPTS_MAX + 1)}
    if set(attempts) - allowed:
        raise BadValueError(
            f"<Prompt> attempt must be whole numbers from 1 to 10, not {node.get('attempt')!r}"
        )
    if node.get("requireMatchingInputs", "false") != "false":
        raise BadValueError("<Prompt> requireMatchingInputs is for bank accounts alone")
    return PayPrompt(
        step=_one_of(node, "for", [*PayStep, "bank-routing-number", "bank-account-number"], ""),
        card_types=_several(node, "cardType", CARD_TYPES),
        attempts=frozenset(map(int, attempts)),
        errors=_several(node, "errorType", ERRORS),
        says=tuple(read_prompt(child) for child in node),
    )


def _one_of(node: ET.Element, name: str, allowed: Sequence[str], default: str) -> str:
    given = node.get(name, default)
    if given not in allowed:
        raise BadValueError(f"<{node.tag}> {name} must be one of {', '.join(allowed)}, not {given!r}")
    return given


def _several(node: ET.Element, name: str, allowed: Sequence[str]) -> frozenset[str]:
    given = frozenset(node.get(name, "").split())
    if given - set(allowed):
        raise BadValueError(
            f"<{node.tag}> {name} must be some of {', '.join(allowed)}, not {node.get(name)!r}"
        )
    return given
