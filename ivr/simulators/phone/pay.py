"""One `<Pay>`, as the carrier plays it: a field after the other, its mistakes, its connector, its answer.

`*` ends it at any moment. What is keyed is told to nobody but the connector: reports and answer are masked as
the carrier masks them (it posts the expiry and the postal code in clear). Of several Prompts that fit the
closest is said, of none the carrier's own words. On what comes after the last attempt the carrier's pages
disagree: `result_after_attempts` says which one is played.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gateways.secret import Secret
from ivr.simulators.phone import cards
from ivr.simulators.phone.cards import KeyedCard, NumberRules
from ivr.simulators.phone.connectors import Connector, Token
from ivr.simulators.phone.events import Reason
from ivr.simulators.phone.keys import Collector, GatherRules
from ivr.simulators.phone.pay_verb import PayStep, SimulatedPay
from ivr.simulators.phone.values import Prompt, SayVerb

STAR = "*"
_TOO_MANY = "too-many-failed-attempts"
TIMEOUT, TIMEOUT_REPORTED = "timeout", "input-timeout"
"""A Prompt names it by the first word, a report by the second."""
CURRENCY = "usd"
_POSTAL_CODE_DIGITS_MAX = 10
_DEFAULTS = {
    PayStep.NUMBER: "Please enter your credit card number.",
    PayStep.EXPIRY: (
        "Please enter your expiration date. Two digits for the month and two digits for the year."
    ),
    PayStep.CODE: "Please enter your security code.",
    PayStep.POSTAL_CODE: "Please enter your postal code.",
    PayStep.PROCESSING: "Payment processing. Please wait.",
}
"""What the carrier says where no Prompt fits, whatever its language."""


@dataclass(frozen=True, slots=True)
class PayHabits:
    """What this carrier has installed, and what it does where its pages disagree."""

    connectors: Mapping[str, Connector] = field(default_factory=dict)
    """Unique name -> connector."""
    result_after_attempts: bool = True
    """After the last attempt: the action gets a Result; otherwise TwiML goes on behind the verb."""
    trouble: str | None = None
    """This Result at once, and nothing asked: the carrier's own trouble."""


NOTHING_INSTALLED = PayHabits()


@dataclass(frozen=True, slots=True)
class PayLine:
    """What the engine lends."""

    listen: Callable[[Sequence[Prompt], GatherRules], Collector | Reason]
    """Says these, a key cuts them short; then what is keyed. A Reason: the call is over."""
    say: Callable[[Sequence[Prompt]], Reason | None]
    report: Callable[[Mapping[str, str]], None]
    """Posts to the statusCallback, where there is one."""
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class PayEnd:
    """How it ended. `fields` go to the action; None: TwiML goes on behind the verb."""

    fields: Mapping[str, str] | None
    over: Reason | None = None
    """The call is over, too."""


class _EndError(Exception):
    """The verb ends with this result before there is a card."""

    def __init__(self, result: str, over: Reason | None = None, **fields: str) -> None:
        super().__init__(result)
        self.result = result
        self.over = over
        self.fields = fields


@dataclass(frozen=True, slots=True)
class PaySession:
    """Runs once."""

    verb: SimulatedPay
    line: PayLine
    habits: PayHabits
    name: str
    """Of this very Pay; the connector's transaction id derives from it."""
    _keyed: dict[PayStep, Secret] = field(default_factory=dict, init=False, repr=False)

    def run(self) -> PayEnd:
        if self.habits.trouble is not None:
            return self._finished(self.habits.trouble)
        connector = self.habits.connectors.get(self.verb.connector)
        if connector is None:
            told = f"paymentConnector='{self.verb.connector}' (there is no such connector)"
            return self._finished("validation-error", PaymentError=told)
        try:
            return self._tokenize(connector, self._card())
        except _EndError as end:
            if end.result == _TOO_MANY and not self.habits.result_after_attempts:
                return PayEnd(None)
            return self._finished(end.result, end.over, **end.fields)

    # The fields -------------------------------------------------------------------------------------------

    def _card(self) -> KeyedCard:
        verb = self.verb
        number = self._ask(
            PayStep.NUMBER,
            NumberRules(cards.NUMBER_DIGITS_MAX),
            lambda n: cards.number_fault(n, verb.card_types),
        )
        kind = cards.kind_of(number) or ""
        expiry = self._ask(PayStep.EXPIRY, GatherRules(4), lambda e: cards.expiry_fault(e, self.line.now()))
        code = postal_code = None
        if verb.security_code:
            digits = cards.code_digits(kind)
            code = Secret(self._ask_digits(PayStep.CODE, digits, digits, "invalid-security-code"))
        if verb.postal_code == "true":
            least, most = verb.postal_code_digits_min, _POSTAL_CODE_DIGITS_MAX
            postal_code = Secret(self._ask_digits(PayStep.POSTAL_CODE, least, most, "invalid-postal-code"))
        elif verb.postal_code != "false":
            postal_code = Secret(verb.postal_code)
        return KeyedCard(Secret(number), kind, Secret(expiry), code, postal_code)

    def _ask_digits(self, step: PayStep, least: int, most: int, fault: str) -> str:
        return self._ask(step, GatherRules(most), lambda keyed: None if len(keyed) >= least else fault)

    def _ask(self, step: PayStep, rules: GatherRules, fault_of: Callable[[str], str | None]) -> str:
        """The field, once it is right."""
        error: str | None = None
        for attempt in range(1, self.verb.attempts_max + 2):
            self._report(step, attempt, error)
            keyed = self._listen(step, attempt, error, rules)
            error = fault_of(keyed) if keyed else TIMEOUT
            if error is None:
                self._keyed[step] = Secret(keyed)
                return keyed
        raise _EndError(_TOO_MANY, PaymentError=TIMEOUT_REPORTED if error == TIMEOUT else str(error))

    def _listen(self, step: PayStep, attempt: int, error: str | None, rules: GatherRules) -> str:
        limited = type(rules)(rules.num_digits, timeout_s=self.verb.timeout_s, ends_at=STAR)
        heard = self.line.listen(self._says(step, attempt, error), limited)
        if isinstance(heard, Reason):
            raise _EndError("caller-hung-up", heard)
        if heard.finished_on == STAR:
            raise _EndError("caller-interrupted-with-star")
        return heard.digits

    def _says(self, step: PayStep, attempt: int, error: str | None) -> Sequence[Prompt]:
        number = self._keyed.get(PayStep.NUMBER)
        kind = cards.kind_of(number.reveal()) if number else None
        fitting = [each for each in self.verb.prompts if each.fits(step, kind, attempt, error)]
        if not fitting:
            return (SayVerb(_DEFAULTS[step], self.verb.language, None, 1),)
        return max(fitting, key=lambda each: each.weight).says

    # The end ----------------------------------------------------------------------------------------------

    def _tokenize(self, connector: Connector, card: KeyedCard) -> PayEnd:
        self._report(PayStep.PROCESSING, 1, None)
        gone = self.line.say(self._says(PayStep.PROCESSING, 1, None))
        if gone is not None:
            raise _EndError("caller-hung-up", gone)
        transaction_id = hashlib.sha256(self.name.encode()).hexdigest()[:32]
        answer = connector.tokenize(card, transaction_id=transaction_id, currency=CURRENCY)
        if isinstance(answer, Token):
            return self._finished("success", PaymentToken=answer.token.reveal())
        return self._finished(
            "payment-connector-error",
            PaymentError=answer.error,
            ConnectorError=": ".join(filter(None, (answer.error_code, answer.error))),
        )

    def _finished(self, result: str, over: Reason | None = None, **fields: str) -> PayEnd:
        empty = dict.fromkeys(
            (
                "PaymentToken", "ProfileId", "PaymentConfirmationCode", "PaymentError", "PayErrorCode",
                "ConnectorError",
            ),
            "",
        )  # fmt: skip
        told = {**empty, **self._masked(), "Result": result, **fields}
        self.line.report(told)
        return PayEnd(told, over)

    def _report(self, step: PayStep, attempt: int, error: str | None) -> None:
        fields = {**self._masked(), "For": str(step), "Attempt": str(attempt)}
        if error is not None:
            fields["ErrorType"] = TIMEOUT_REPORTED if error == TIMEOUT else error
        self.line.report(fields)

    def _masked(self) -> dict[str, str]:
        """What the carrier says of the card so far."""
        fields = {
            "PaymentConnector": self.verb.connector,
            "PaymentMethod": "credit-card",
            "TokenType": self.verb.token_type,
        }
        for step, keyed in self._keyed.items():
            match step:
                case PayStep.NUMBER:
                    fields["PaymentCardNumber"] = cards.shown(keyed.reveal())
                    fields["PaymentCardType"] = cards.kind_of(keyed.reveal()) or ""
                case PayStep.EXPIRY:
                    fields["ExpirationDate"] = keyed.reveal()
                case PayStep.CODE:
                    fields["SecurityCode"] = "*" * len(keyed.reveal())
                case PayStep.POSTAL_CODE:
                    fields["PaymentCardPostalCode"] = keyed.reveal()
        return fields
