"""How far a caller is whose card the carrier takes: told by the carrier, kept in the call's timeline.

What is kept is the field, the attempt and the kind of mistake; what was keyed never comes this far. The
carrier's reports are many, may come twice and late: whatever is not of the card that is asked now, or known
already, is dropped.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from ivr.calls import store
from ivr.calls.waits.collect_card import BY_CARRIER
from ivr.customers import timeline
from ivr.platform.clock import Clock

KIND = "card.progress"


@dataclass(frozen=True, slots=True)
class PayReport:
    """One report: `field` and `mistake` are words of ours, never what was keyed."""

    field: str
    attempt: int | None
    mistake: str | None


@dataclass(frozen=True, slots=True)
class PayProgress:
    """Keeps reports in the timeline."""

    engine: sa.Engine
    clock: Clock

    def note(self, call_id: str, turn: int, call_sid: str, progress: PayReport) -> bool:
        """False where the report is late, early, repeated, or of another call: then nothing is kept."""
        facts = {
            "turn": turn,
            "field": progress.field,
            "attempt": progress.attempt,
            "mistake": progress.mistake,
        }
        with self.engine.begin() as tx:
            row = store.lock(tx, call_id)
            if row is None or row.call_sid != call_sid or not row.is_active:
                return False
            if row.session.get("entry_id") != f"{BY_CARRIER}{call_id}.{turn}":
                return False
            if any(one.kind == KIND and one.facts == facts for one in timeline.of_call(tx, call_id)):
                return False
            timeline.add(tx, KIND, at=self.clock.now(), call_id=call_id, facts=facts)
            return True
