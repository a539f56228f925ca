"""`/api/v1/payouts` and `/api/v1/disputes`: what the gateway told us, listed and read."""

from dataclasses import dataclass

import sqlalchemy as sa

from gateways.events import DisputeState
from ivr.finance import disputes
from ivr.finance import payout_queries as payouts_read
from ivr.finance.payout_queries import PayoutState
from ivr.platform.clock import Clock
from ivr.platform.database.engine import reading
from ivr.web.api.documents.finance import (
    DisputeDocument,
    DisputesDocument,
    PayoutsDocument,
    PayoutWithLinesDocument,
    dispute_document,
    payout_document,
    payout_line_document,
)
from ivr.web.api.problem import Problem, missing
from ivr.web.api.request import list_query, one_of, refusing_bad_cursors


@dataclass(frozen=True, slots=True)
class FinanceRoutes:
    """What a program may read of payouts and disputes."""

    engine: sa.Engine
    clock: Clock

    def payouts(self) -> tuple[PayoutsDocument, int]:
        """In the order of the last change; `from` and `until` are about the day on which it arrives."""
        asked = list_query(one_of(PayoutState))
        with refusing_bad_cursors(), reading(self.engine) as tx:
            found = payouts_read.changed(
                tx,
                bill_reference=asked.bill,
                state=asked.state,
                arrives_from=asked.starts,
                arrives_until=asked.ends,
                **asked.place(self.clock.now()),
            )
        shown = [payout_document(one) for one in found.records]
        return {"payouts": shown, "cursor": found.cursor, "has_more": found.has_more}, 200

    def payout(self, payout_id: str) -> tuple[PayoutWithLinesDocument, int]:
        """One payout with its lines, by its id or by the gateway's reference."""
        try:
            with reading(self.engine) as tx:
                found = payouts_read.show(tx, payout_id)
        except payouts_read.SeveralPayoutsError:
            raise _several("payouts") from None
        if found is None:
            raise missing("payout with this id or reference")
        shown, lines = found
        return {**payout_document(shown), "lines": [payout_line_document(line) for line in lines]}, 200

    def disputes(self) -> tuple[DisputesDocument, int]:
        """In the order of the last change; `from` and `until` are about the moment when it was opened."""
        asked = list_query(one_of(DisputeState))
        with refusing_bad_cursors(), reading(self.engine) as tx:
            found = disputes.changed(
                tx,
                bill_reference=asked.bill,
                state=asked.state,
                opened_from=asked.starts,
                opened_until=asked.ends,
                **asked.place(self.clock.now()),
            )
        shown = [dispute_document(one) for one in found.records]
        return {"disputes": shown, "cursor": found.cursor, "has_more": found.has_more}, 200

    def dispute(self, reference: str) -> tuple[DisputeDocument, int]:
        """One dispute by the gateway's reference."""
        with reading(self.engine) as tx:
            found = disputes.of_reference(tx, reference)
        if not found:
            raise missing("dispute with this reference")
        if len(found) > 1:
            raise _several("disputes")
        return dispute_document(found[0]), 200


def _several(what: str) -> Problem:
    return Problem(409, "ambiguous", f"Several gateways have {what} with this reference: look in the list.")
