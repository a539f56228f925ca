"""Hello, and in which language."""

from flows.language import Choose, Go, Name, Say, SetLanguage, Steps, Tell
from flows.pay_bill.bill import PayBill

steps = Steps[PayBill]()


@steps.add(Tell.exits(then="arrive"))
def greet(state: PayBill) -> Tell:
    if not state.merchant:
        return Tell(None)
    return Tell(Say("greet.hello", merchant=Name(state.merchant)))


@steps.add(Go.exits(known="find_callers_bill", ask="ask_language"))
def arrive(state: PayBill) -> Go[PayBill]:
    if state.language_known:
        return Go("known")
    return Go("ask")


@steps.add(Choose.exits({"1": "speak_english", "2": "speak_spanish"}, gave_up="find_callers_bill"))
def ask_language(_: PayBill) -> Choose:
    return Choose(Say("language.ask"), every_language=True)


@steps.add(SetLanguage.exits(then="find_callers_bill"))
def speak_english(_: PayBill) -> SetLanguage:
    return SetLanguage("en")


@steps.add(SetLanguage.exits(then="find_callers_bill"))
def speak_spanish(_: PayBill) -> SetLanguage:
    return SetLanguage("es")
