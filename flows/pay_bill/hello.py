"""Hello, and in which language."""

from flows.language import (
    Choose,
    Go,
    Name,
    Say,
    SetLanguage,
    Steps,
    Tell,
)
from flows.pay_bill.bill import Bill

steps = Steps[Bill]()


@steps.add(Tell.exits(then="arrive"))
def greet(state: Bill) -> Tell:
    if not state.merchant:
        return Tell(None)
    return Tell(Say("greet.hello", merchant=Name(state.merchant)))


@steps.add(Go.exits(known="find_callers_bill", ask="ask_language"))
def arrive(state: Bill) -> Go[Bill]:
    if state.language_known:
        return Go("known")
    return Go("ask")


@steps.add(Choose.exits({"1": "speak_english", "2": "speak_spanish"}, gave_up="find_callers_bill"))
def ask_language(_: Bill) -> Choose:
    return Choose(Say("language.ask"), every_language=True)


@steps.add(SetLanguage.exits(then="find_callers_bill"))
def speak_english(_: Bill) -> SetLanguage:
    return SetLanguage("en")


@steps.add(SetLanguage.exits(then="find_callers_bill"))
def speak_spanish(_: Bill) -> SetLanguage:
    return SetLanguage("es")
