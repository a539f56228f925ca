"""`/api/v1/bills`: bills stored one by one or in lists, and read.

A repeat changes nothing and says so. In a list each bill stands for itself: a bad one is told under its
index, and the others are stored, all of them in one transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from gateways.capability import Capabilities
from ivr.bills import queries as listing
from ivr.bills import store
from ivr.bills.bill import BillChangeError, BillError, NewBill, Status, not_chargeable
from ivr.bills.fields import NAMES, LeftOut, read_bill, unknown_names
from ivr.bills.store import Change
from ivr.platform.clock import Clock
from ivr.platform.database.engine import reading
from ivr.platform.ids import Ids
from ivr.web.api.documents.bills import (
    BillDocument,
    BillResultDocument,
    BillsDocument,
    StoredBillDocument,
    StoredBillsDocument,
    bill_document,
)
from ivr.web.api.documents.requests import BATCH_MAX, NewBillsDocument
from ivr.web.api.problem import Problem, missing
from ivr.web.api.request import json_body, json_object, list_query, one_of, refusing_bad_cursors


@dataclass(frozen=True, slots=True)
class BillRoutes:
    """What a program may do with bills."""

    engine: sa.Engine
    home_country: str
    gateway: Capabilities
    """What it can charge."""
    clock: Clock
    ids: Ids

    def show(self, reference: str) -> tuple[BillDocument, int]:
        with reading(self.engine) as tx:
            found = store.find(tx, reference)
        if found is None:
            raise missing("bill with this reference")
        return bill_document(found), 200

    def listed(self) -> tuple[BillsDocument, int]:
        """In the order of the last change; `from` and `until` are about the moment when it was added."""
        asked = list_query(one_of(Status))
        with refusing_bad_cursors(), reading(self.engine) as tx:
            found = listing.changed(
                tx,
                reference=asked.bill,
                status=asked.state,
                made_from=asked.starts,
                made_until=asked.ends,
                **asked.place(self.clock.now()),
            )
        shown = [bill_document(one) for one in found.records]
        return {"bills": shown, "cursor": found.cursor, "has_more": found.has_more}, 200

    def put_batch(self) -> tuple[StoredBillsDocument, int]:
        """A result for each bill, in their order."""
        bodies = json_object(NewBillsDocument).get("bills")
        if not isinstance(bodies, list):
            raise Problem(422, "invalid", "bills must be a list.", field="bills")
        return {"results": self._put_list(bodies)}, 200

    def put(self) -> tuple[StoredBillDocument | StoredBillsDocument, int]:
        """One bill: 201 where it is new, 200 otherwise. A list is taken too until the next release."""
        body = json_body()
        if isinstance(body, list):
            return {"results": self._put_list(body)}, 200
        new, left_out = self._read(body)
        with self.engine.begin() as tx:
            result = self._store(tx, new, left_out)
        return result, 201 if result["result"] == Change.ADDED else 200

    def _put_list(self, bodies: Sequence[Any]) -> list[BillResultDocument]:
        """In the order of the references, so that two lists at once lock the same rows in the same order."""
        if len(bodies) > BATCH_MAX:
            raise Problem(422, "too_many", f"Send at most {BATCH_MAX} bills at once.")
        results: dict[int, BillResultDocument] = {}
        read: dict[str, tuple[int, NewBill, list[str]]] = {}
        for index, body in enumerate(bodies):
            try:
                new, left_out = self._read(body)
                if new.reference in read:
                    raise _twice(read[new.reference][0])
            except Problem as problem:
                results[index] = _refused(index, problem)
            else:
                read[new.reference] = (index, new, left_out)
        with self.engine.begin() as tx:
            for _, (index, new, left_out) in sorted(read.items()):
                try:
                    results[index] = _stored(index, self._store(tx, new, left_out))
                except Problem as problem:
                    results[index] = _refused(index, problem)
        return [results[index] for index in range(len(bodies))]

    def _read(self, body: Any) -> tuple[NewBill, list[str]]:
        """The bill, and without what it is stored."""
        if not isinstance(body, dict):
            raise Problem(422, "invalid", "A bill must be a JSON object.")
        for name in unknown_names(body)[:1]:
            raise Problem(
                422, "invalid", f"There is no such field. The fields are: {', '.join(NAMES)}.", field=name
            )
        left_out = LeftOut(refuse_two=True)
        try:
            return read_bill(body, home_country=self.home_country, on_left_out=left_out), left_out.told
        except BillError as fault:
            raise Problem(422, "invalid", f"{fault}.", field=fault.field) from None

    def _store(self, tx: sa.Connection, new: NewBill, left_out: Sequence[str]) -> StoredBillDocument:
        [stored] = store.upsert_all(tx, [new], "api", clock=self.clock, ids=self.ids)
        if isinstance(stored, BillChangeError):
            raise Problem(409, "change_refused", f"{stored}.", field=stored.field)
        found = store.find(tx, new.reference)
        if found is None:
            raise RuntimeError("a bill that was stored is not there")
        result: StoredBillDocument = {"result": stored.change, "bill": bill_document(found)}
        closes = store.LINK_CLOSES if stored.closes_link else None
        chargeable = not_chargeable(new, self.gateway)
        warnings = [*left_out, *(why for why in (chargeable, closes) if why is not None)]
        if warnings:
            result["warning"] = f"It is stored, but {'; '.join(warnings)}."
        return result


def _twice(first: int) -> Problem:
    return Problem(422, "invalid", f"reference is in this list already, at index {first}.", field="reference")


def _stored(index: int, stored: StoredBillDocument) -> BillResultDocument:
    result: BillResultDocument = {"index": index, "result": stored["result"], "bill": stored["bill"]}
    if "warning" in stored:
        result["warning"] = stored["warning"]
    return result


def _refused(index: int, problem: Problem) -> BillResultDocument:
    return {"index": index, "result": "refused", "problem": problem.document()}
