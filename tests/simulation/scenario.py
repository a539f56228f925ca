"""Who calls in a world, about which bills, and what they mean to do.

There are more callers than bills, so that several pay one bill at once; some bills are of amounts at which
the sandbox bank's issuer does odd things.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ivr.bills.bill import NewBill
from tests.simulation.callers import PAYING, REFUSED, Plan
from tests.simulation.chance import Chance
from tests.support.server import ENGLISH, SPANISH

SPECIAL_CENTS = (71, 72, 73, 74, 75, 76, 77, 78, 79)
"""Amounts that end so go wrong at the sandbox bank, each in its own way."""


def bills(chance: Chance) -> list[NewBill]:
    """A few bills, each of a payer with a mobile phone."""
    made = []
    for number in range(chance.whole(2, 5)):
        cents = chance.one_of(SPECIAL_CENTS) if chance.strikes(0.2) else chance.whole(0, 70)
        billed_minor = chance.whole(20, 95) * 100 + cents
        made.append(
            NewBill(
                reference=f"2030405{number}",
                currency="EUR",
                billed_minor=billed_minor,
                minimum_minor=1000 if chance.strikes(0.6) else billed_minor,
                payer_phone=f"+3460011122{number}",
            )
        )
    return made


def plans(chance: Chance, due: Sequence[NewBill], approval: str) -> Iterator[Plan]:
    """Callers from their own phone, another one, a landline, or a number that they withhold.

    `approval` is the card whose bank wants its payer's own. In some worlds all of them mean to pay the same
    bill, whole, in the same moment.
    """
    rush = chance.strikes(0.25)
    for number in range(chance.whole(3, 8)):
        bill = due[0] if rush else chance.one_of(due)
        own = bill.payer_phone or ""
        shown = chance.one_of([own, own, f"+3461000000{number}", f"+3491234560{number}", "anonymous"])
        first = [chance.one_of([*REFUSED, approval, approval, approval])] if chance.strikes(0.4) else []
        yield Plan(
            name=f"caller{number}",
            number=shown,
            called=chance.one_of([ENGLISH, SPANISH]),
            reference=bill.reference,
            cards=[*first, chance.one_of(list(PAYING))],
            part=not rush and chance.strikes(0.6),
            clumsiness=chance.one_of([0.0, 0.0, 0.03, 0.15]),
            rings_at_s=chance.seconds(0.0, 4.0 if rush else 25.0),
            leaves_at=chance.whole(1, 40) if chance.strikes(0.35) else 0,
            keeps=chance.strikes(0.6),
            saved=chance.one_of(["1", "1", "2", "9"]),
            link=chance.one_of(["1", "1", "2", "3"]),
        )


def by_link(plan: Plan, due: Sequence[NewBill], approval: str) -> Plan:
    """The same caller from their own mobile phone, with nothing but that card: they are sent a link."""
    own = next(bill.payer_phone for bill in due if bill.reference == plan.reference) or ""
    return replace(plan, number=own, cards=[approval], clumsiness=0.0, leaves_at=0)
