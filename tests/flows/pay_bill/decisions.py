"""What the tests of `pay_bill`'s decisions share."""

from typing import Any

from flows.language import (
    Amount,
    BillFacts,
    Go,
    Prompts,
    SpokenWords,
    speak,
)
from flows.pay_bill.bill import PayBill
from flows.pay_bill.flow import flow

EUR = "EUR"
PROMPTS = Prompts.load(flow.folder, ["en", "es"])


def owing(due: int = 4990, minimum: int = 1000, currency: str = EUR, **more: Any) -> PayBill:
    facts = BillFacts("12345678", Amount(due, currency), Amount(minimum, currency))
    return PayBill(bill=facts, **more)


def decide(step: str, state: PayBill) -> tuple[str, PayBill]:
    """The step that follows, and the state it finds."""
    answer = flow.step(step).run(state)
    assert isinstance(answer, Go)
    return flow.step(step).exits[answer.exit], answer.state or state


def words(wait: object, language: str = "en") -> str:
    say = getattr(wait, "say", None)
    assert say is not None
    (said,) = speak(say, language, PROMPTS)
    assert isinstance(said, SpokenWords)
    return said.text
