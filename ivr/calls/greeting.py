"""A call that begins: who is calling, which language they get, and the session they start with.

The language follows from the number called, else from an earlier call of the same number, else it is asked
once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from flows.language import Flow, Translation
from gateways.capability import CardEntry
from ivr.calls.session import Session
from ivr.calls.store import CallRow
from ivr.calls.tables import CallStatus
from ivr.customers import customer
from ivr.customers.caller import Caller
from ivr.fraud.identity import Proof, proof_of, verstat_to_keep
from ivr.platform.clock import Clock
from ivr.platform.database.engine import reading
from ivr.platform.ids import Ids
from ivr.platform.phone_numbers import is_possible
from ivr.platform.settings.line import LineSettings

TO_LENGTH_MAX = 20


@dataclass(frozen=True, slots=True)
class NewCall:
    """A call that begins: its row, and what the row holds of session and caller."""

    row: CallRow
    session: Session
    caller: Caller


@dataclass(frozen=True, slots=True)
class Greeting:
    """Makes a call that begins."""

    engine: sa.Engine
    flow: Flow[Any]
    clock: Clock
    ids: Ids
    line: LineSettings
    card_entry: CardEntry
    saved_cards: bool
    slow_speech: bool
    """Whether the voices can be slowed."""

    def call(
        self, *, call_sid: str, account_sid: str, from_field: str, to_field: str, verstat: str | None = None
    ) -> NewCall:
        """The call as it will be kept; nothing is written here."""
        caller = Caller.of(from_field, self.line.home_country)
        with reading(self.engine) as connection:
            remembered = customer.of_caller(connection, caller)
        known = self._known_language(remembered, to_field)
        is_forged = proof_of(verstat) is Proof.FORGED
        state = self.flow.state(
            language_known=known is not None or len(self.line.languages) == 1,
            languages=self.line.languages,
            can_text=caller.can_text and not is_forged,
            card_first=self.card_entry is CardEntry.TOKENIZE,
            person_available=bool(self.line.person_number),
            merchant=self.line.merchant_name,
            saved_cards=self.saved_cards and not caller.withheld and not is_forged,
            other_ways=_translations(self.line.other_ways_to_pay),
            reference_place=_translations(self.line.reference_place),
            slow_speech=self.slow_speech,
        )
        session = Session(
            step=self.flow.start,
            state=state,
            language=known or self.line.languages[0],
            slow=self.slow_speech and remembered is not None and remembered.slow_speech,
        )
        row = CallRow(
            id=self.ids.new("call"),
            call_sid=call_sid,
            account_sid=account_sid,
            from_number=caller.dial,
            to_number=self._called(to_field),
            flow=self.flow.name,
            turn=0,
            session=session.dump(),
            intent=None,
            status=CallStatus.ACTIVE,
            ended_because=None,
            started_at=self.clock.now(),
            ended_at=None,
            stir_verstat=verstat_to_keep(verstat),
        )
        return NewCall(row, session, caller)

    def _called(self, to_field: str) -> str:
        """The number that was called, as the carrier writes it; nothing that is no number is kept."""
        fits = len(to_field) <= TO_LENGTH_MAX and is_possible(to_field, self.line.home_country)
        return to_field if fits else ""

    def _known_language(self, remembered: customer.Customer | None, to_field: str) -> str | None:
        by_number = self.line.language_by_number.get(to_field)
        if by_number in self.line.languages:
            return by_number
        return remembered.language if remembered and remembered.language in self.line.languages else None


def _translations(sentences: Mapping[str, str]) -> tuple[Translation, ...]:
    return tuple(Translation(language, text) for language, text in sentences.items())
