"""What is the same at every question of `pay_bill`: `0` for a person, silence, each kind of decline."""

from collections.abc import Callable
from unittest.mock import patch

import pytest
import sqlalchemy as sa

from ivr.platform.database.engine import reading
from ivr.simulators.phone.events import DialStatus, Reason, Said
from tests.support import schema
from tests.support.merchant_server import merchant_server
from tests.support.payer import CARD, WAY, pay
from tests.support.phone import CALLED, call_settings
from tests.support.server import ENGLISH, PERSON, REFERENCE, SPANISH, Server
from tests.support.silence_limit import SilenceLimit

pytestmark = pytest.mark.slow

Start = Callable[..., Server]
STRANGER = "+34600999888"
ENGLISH_CALL = call_settings(to_number=ENGLISH, from_number=STRANGER)
QUESTIONS: dict[str, tuple[tuple[str, ...], str]] = {
    "language": ((), "Español, pulse 2."),
    "reference": (("1",), "Enter the 8 digits of your bill's reference."),
    "offer": (("1", REFERENCE), "There is 49 euros and 90 cents to pay."),
    "amount": (("1", REFERENCE, "2"), "Enter the amount, then hash."),
    "confirmation": (
        ("1", REFERENCE, "1", *CARD),
        "Visa ending in 4 2 4 2. To pay 49 euros and 90 cents, press 1.",
    ),
}
"""Question -> how a stranger gets there, and what it says."""
GOES_ON = {"language": "reference", "reference": "reference"}
"""Where the call goes on without a person; from the others, at the offer."""


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("answer", [*DialStatus, None])
def test_zero_for_a_person(start_server: Start, name: str, answer: DialStatus | None) -> None:
    """`None`: no number is configured. Whoever talked to a person is done; all others go on."""
    way, question = QUESTIONS[name]
    server = start_server(**({"PERSON_NUMBER": PERSON} if answer else {}))
    server.add_bill(phone=None)
    settings = call_settings(to_number=CALLED, from_number=STRANGER)
    ended, lines, _ = pay(
        server,
        [*way, "0"],
        settings=settings,
        person=answer or DialStatus.COMPLETED,
        listener=SilenceLimit(server.clock),
    )
    zero = lines.index("> 0")
    assert lines[zero - 1].startswith(f"< {question}")
    behind = lines[zero + 1 :]
    if answer:
        assert behind[:2] == ["< I am connecting you to a person.", f"= rings {PERSON}: {answer}"]
        behind = behind[2:]
    if answer is DialStatus.COMPLETED:
        assert behind == ["= the server hung up"]
        return
    assert behind[0] == "< I am sorry, nobody can take your call at the moment. You can go on here."
    assert behind[1].startswith(f"< {QUESTIONS[GOES_ON.get(name, 'offer')][1]}")
    assert ended.reason is Reason.CALLER


@pytest.mark.parametrize(
    "settings",
    [{}, {"SANDBOX_CARD_ENTRY": "authorize"}, {"CARD_ENTRY": "pay"}],
    ids=["tokenize", "authorize", "pay"],
)
@pytest.mark.parametrize(
    ("card", "decline"),
    [
        ("declined", "generic"),
        ("no_funds", "insufficient_funds"),
        ("lost", "lost_stolen"),
        ("stolen", "lost_stolen"),
        ("expired", "expired_card"),
        ("wrong_code", "incorrect_cvc"),
        ("issuer_down", "issuer_unavailable"),
        ("blocked", "suspected_fraud"),
        ("authentication", "authentication_required"),
    ],
)
def test_each_kind_of_decline(start_server: Start, card: str, decline: str, settings: dict[str, str]) -> None:
    """All are told alike, so that nobody learns of a card that it was reported stolen; but one."""
    server = start_server(**settings)
    server.add_bill()
    lines_keyed = [
        f"({card})" if line == "(visa)" else line
        for line in WAY[settings.get("SANDBOX_CARD_ENTRY", "tokenize")]
    ]
    _, lines, _ = pay(server, lines_keyed)
    server.pass_time(120)
    with reading(server.on.engine) as connection:
        attempts = connection.execute(sa.select(schema.attempt).order_by(schema.attempt.c.reference)).all()
    assert (attempts[0].state, attempts[0].decline) == ("declined", decline)
    later = {(one.method, one.state) for one in attempts[1:]}
    assert later <= {("card", "fenced"), ("link", "link_open")}, "the next card was never keyed"
    told = (
        "< Your bank asks you to approve this payment. I am texting you a link for that."
        " The text begins with our name."
        if card == "authentication"
        else "< The bank did not accept this card, and you were not charged."
        " Please try again, or use another card."
    )
    assert told in lines


@pytest.mark.parametrize("number", [ENGLISH, SPANISH])
def test_a_caller_who_goes_silent_is_always_let_go(server: Server, number: str) -> None:
    """From every question on, silence alone leads to a goodbye, in a time that can be borne."""
    server.add_bill()
    for keyed in range(len(WAY["tokenize"])):
        began = server.clock.now()
        settings = call_settings(f"CA{keyed}", to_number=number)
        ended, lines, _ = pay(
            server, [*WAY["tokenize"][:keyed], *["(silence)"] * 12][: keyed + 4], settings=settings
        )
        assert ended.reason in {Reason.SERVER, Reason.CALLER}, lines
        assert (server.clock.now() - began).total_seconds() < 60


def test_a_merchants_system_that_does_not_answer(start_server: Start) -> None:
    """The look-up has a limit of its own, far below the carrier's."""
    with merchant_server() as merchant, patch("ivr.web.carrier_webhooks.wiring.LOOKUP_S", 0.2):
        merchant.misbehave = lambda _: merchant.closing.wait(5)
        server = start_server(
            BILL_LOOKUP_URL=merchant.url, MERCHANT_SECRET="7d3e91c05af24b68c1d09e7f3a5b8246"
        )
        _, lines, _ = pay(server, [REFERENCE], settings=ENGLISH_CALL)
        merchant.closing.set()
    assert lines[-3] == "< I cannot look up your bill at the moment."
    with reading(server.on.engine) as connection:
        assert connection.execute(sa.select(schema.guess)).all() == [], "that was no guess"


def test_a_pci_process_that_is_not_there(start_server: Start) -> None:
    server = start_server(PCI_INTERNAL_URL="http://127.0.0.1:9")
    server.add_bill()
    _, lines, _ = pay(server, ["1"])
    assert lines[-3] == "< I cannot take cards at the moment. You were not charged."


def test_a_long_card_keyed_too_early_leaves_no_second_piece(server: Server) -> None:
    """Nineteen digits fill two questions for a reference; only the first eight are ever taken for one."""
    pay(server, ["(unionpay_19)", "(hang up)"], settings=ENGLISH_CALL)
    with reading(server.on.engine) as connection:
        kinds = connection.execute(sa.select(schema.timeline.c.kind)).scalars().all()
        spoken = " ".join(connection.execute(sa.select(schema.call_turn.c.twiml)).scalars())
        sessions = repr(connection.execute(sa.select(schema.call.c.session)).scalars().all())
    assert "card.too_early" in kinds
    assert "0 0 0 0, 0 0 0 0" not in spoken
    assert "00000000" not in sessions


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@pytest.mark.parametrize("at", ["Visa ending in", "Now the three digits"])
def test_another_call_pays_the_bill_meanwhile(start_server: Start, kind: str, at: str) -> None:
    """Two callers, one bill: whoever confirms second is not charged, and hears why."""
    server = start_server(kind)
    server.add_bill()
    others: list[list[str]] = []

    def someone_pays(event: object) -> None:
        if isinstance(event, Said) and event.text.startswith(at) and not others:
            others.append([])
            others[0] += pay(server, [REFERENCE, *WAY["tokenize"]], settings=ENGLISH_CALL)[1]

    _, lines, _ = pay(
        server, WAY["tokenize"], settings=call_settings("CA2", to_number=ENGLISH), listener=someone_pays
    )
    assert others[0][-2].startswith("< Thank you. You have paid 49 euros and 90 cents.")
    assert lines[-2] == (
        "< This amount is already paid, or is being paid now. You were not charged in this call. Goodbye."
    )
