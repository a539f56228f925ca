"""The bank's rules: one key, one movement; never more back than was paid; a fenced key never pays.

A charge, an authorization or a refund is opened in one transaction, thought about in none, and settled in
another: a bank that dies in between has not paid, and fences the key when it is back. A refusal that says
"seen before" is a `RefusedError`, never a decline.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gateways.sandbox.bank import cards, movements, tokens
from gateways.sandbox.bank.cards import TestCard
from gateways.sandbox.bank.dependencies import BankDependencies
from gateways.sandbox.bank.faults import behaviour
from gateways.sandbox.bank.links import page_by_key
from gateways.sandbox.bank.movements import Movement, MovementKind, MovementState, RefusedError

_ID_PREFIX = {MovementKind.CHARGE: "ch", MovementKind.AUTHORIZATION: "au", MovementKind.REFUND: "re"}


@dataclass(frozen=True, slots=True)
class MovementRequest:
    """What the issuer is asked for: exactly one of `token`, `card` (as assessed) and `charge_id` is set."""

    kind: MovementKind
    key: str
    amount_minor: int
    currency: str
    description: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    token: str | None = field(default=None, repr=False)
    card: TestCard | str | None = None
    charge_id: str | None = None
    keep_card: bool = False
    """The payer agreed that the card is kept."""
    gateway_customer_id: str | None = None
    """Of a saved card: whose it is."""


@dataclass(frozen=True, slots=True)
class Processor:
    """Takes orders. Safe from any thread, and from two processes on one ledger."""

    dependencies: BankDependencies

    def recover(self) -> int:
        """After a start: what the last process was thinking about never happens. How many these were."""
        with self.dependencies.ledger.writing() as tx:
            cut_off = movements.in_progress(tx)
            for movement in cut_off:
                _give_back(tx, movement)
                movements.move(tx, movement, replace(movement, state=MovementState.FENCED))
        return len(cut_off)

    def take(self, order: MovementRequest, *, delay_s: float) -> Movement:
        """Charges, authorizes or refunds, once a key; the same order again hears the same answer."""
        with self.dependencies.ledger.writing() as tx:
            found = movements.by_key(tx, order.key)
            if found is not None and found.state is not MovementState.IN_PROGRESS:
                return _heard_before(tx, found, order)
            if found is not None:
                raise RefusedError("in_progress")
            if page_by_key(tx, order.key) is not None:
                raise RefusedError("key_reused")
            opened, verdict = self._open(tx, order)
        if opened.state is not MovementState.IN_PROGRESS:
            return opened
        self.dependencies.sleep(delay_s)
        with self.dependencies.ledger.writing() as tx:
            return _settle(tx, opened, verdict)

    def capture(self, key: str, authorization: str, amount_minor: int, currency: str) -> Movement:
        """Takes the money that is held under `key`, once, and all of it."""
        with self.dependencies.ledger.writing() as tx:
            held = _authorization(tx, key, authorization)
            if (held.amount_minor, held.currency) != (amount_minor, currency):
                raise RefusedError("key_reused")
            if held.state in {MovementState.APPROVED, MovementState.DECLINED}:
                return held
            if held.state is MovementState.VOIDED:
                return replace(held, state=MovementState.DECLINED, code="authorization_voided")
            if held.state is not MovementState.AUTHORIZED:
                raise RefusedError(held.state)
            return _moved(tx, held, MovementState.APPROVED, authorisation_code=held.authorisation_code)

    def void(self, key: str, authorization: str) -> Movement:
        """Releases what is held under `key`; what was captured is refused, to be refunded instead."""
        with self.dependencies.ledger.writing() as tx:
            held = _authorization(tx, key, authorization)
            if held.state is MovementState.VOIDED:
                return held
            if held.state is not MovementState.AUTHORIZED:
                raise RefusedError("already_captured" if held.state is MovementState.APPROVED else held.state)
            return _moved(tx, held, MovementState.VOIDED)

    def look_up(self, key: str, *, cancel: bool) -> Movement | None:
        """What stands under the key; None where nothing does. With `fence`, nothing ever will."""
        with self.dependencies.ledger.writing() as tx:
            found = movements.by_key(tx, key)
            if found is None and cancel:
                return movements.insert(tx, movements.tombstone(key, self.dependencies.now().isoformat()))
            if found is None or found.state is not MovementState.PENDING:
                return found
            if found.lookups_left > 0:
                return _moved(
                    tx, found, MovementState.PENDING, code=found.code, lookups_left=found.lookups_left - 1
                )
            return _conclude(tx, found, found.code)

    def _open(self, tx: sqlite3.Connection, order: MovementRequest) -> tuple[Movement, str]:
        """The movement as it is entered, and what the issuer will say: `approved` or a decline code."""
        card, refusal = _pay_with(tx, order) if order.charge_id is None else _pay_back(tx, order)
        movement_id = self.dependencies.ids.new(_ID_PREFIX[order.kind])
        entered = Movement(
            key=order.key,
            id=movement_id,
            kind=order.kind,
            state=MovementState.IN_PROGRESS if refusal is None else MovementState.DECLINED,
            fingerprint=_fingerprint(tx, order),
            amount_minor=order.amount_minor,
            currency=order.currency,
            description=order.description,
            metadata=order.metadata,
            brand=card.brand,
            last_four=card.last_four,
            charge_id=order.charge_id if refusal != "unknown_charge" else None,
            code=refusal,
            created_at=self.dependencies.now().isoformat(),
        )
        return movements.insert(tx, entered), card.outcome


_NO_CARD = TestCard(brand="", last_four="", outcome=cards.APPROVED)


def _pay_with(tx: sqlite3.Connection, order: MovementRequest) -> tuple[TestCard, str | None]:
    """The card of the order, and why it is declined before the issuer is asked."""
    if isinstance(order.card, str):
        return _NO_CARD, order.card
    if order.card is not None:
        return order.card, None
    card = tokens.find(tx, order.token or "")
    if card is None:
        return _NO_CARD, "unknown_token"
    if order.gateway_customer_id is not None or not tokens.spend(tx, card, order.key):
        return card.facts, tokens.reuse_refusal(tx, card.id, order.gateway_customer_id)
    if order.keep_card:
        tokens.agree(tx, card.id, order.key)
    return card.facts, None


def _pay_back(tx: sqlite3.Connection, order: MovementRequest) -> tuple[TestCard, str | None]:
    """The card that a refund goes to, and why it is declined; what it takes of the charge is set aside."""
    charge = movements.by_id(tx, order.charge_id or "")
    if charge is None or charge.kind is MovementKind.REFUND:
        return _NO_CARD, "unknown_charge"
    card = TestCard(charge.brand, charge.last_four, cards.APPROVED)
    if charge.currency != order.currency:
        return card, "currency_mismatch"
    if charge.state is not MovementState.APPROVED:
        return card, "not_charged"
    return card, None if movements.add_refunded(
        tx, order.charge_id or "", order.amount_minor
    ) else "over_refund"


def _settle(tx: sqlite3.Connection, opened: Movement, verdict: str) -> Movement:
    """The issuer's answer, entered; or, where the amount says so, kept back for later lookups."""
    treatment = behaviour(opened.amount_minor)
    code = verdict if verdict != cards.APPROVED else treatment.decline
    if treatment.pending_lookups and verdict == cards.APPROVED:
        return _moved(tx, opened, MovementState.PENDING, code=code, lookups_left=treatment.pending_lookups)
    return _conclude(tx, opened, code)


def _conclude(tx: sqlite3.Connection, movement: Movement, code: str | None) -> Movement:
    if code is not None:
        _give_back(tx, movement)
        return _moved(tx, movement, MovementState.DECLINED, code=code)
    state = (
        MovementState.AUTHORIZED if movement.kind is MovementKind.AUTHORIZATION else MovementState.APPROVED
    )
    return _moved(tx, movement, state, authorisation_code=movements.authorisation_code_of(movement.id or ""))


def _give_back(tx: sqlite3.Connection, movement: Movement) -> None:
    """What a refund that will not happen had set aside of its charge."""
    if movement.kind is MovementKind.REFUND and movement.charge_id is not None:
        movements.add_refunded(tx, movement.charge_id, -movement.amount_minor)


def _moved(
    tx: sqlite3.Connection,
    movement: Movement,
    state: MovementState,
    *,
    code: str | None = None,
    authorisation_code: str | None = None,
    lookups_left: int = 0,
) -> Movement:
    """The movement in its new state; refused where a restarted bank has fenced it in the meantime."""
    after = replace(
        movement, state=state, code=code, authorisation_code=authorisation_code, lookups_left=lookups_left
    )
    if not movements.move(tx, movement, after):
        raise RefusedError("fenced")
    return after


def _heard_before(tx: sqlite3.Connection, found: Movement, order: MovementRequest) -> Movement:
    """The first answer again; refused where the key is fenced or stood for another order."""
    if found.state is MovementState.FENCED:
        raise RefusedError("fenced")
    if found.fingerprint != _fingerprint(tx, order):
        raise RefusedError("key_reused")
    return found


def _authorization(tx: sqlite3.Connection, key: str, authorization: str) -> Movement:
    found = movements.by_key(tx, key)
    if found is None:
        raise RefusedError("not_found")
    if found.kind is not MovementKind.AUTHORIZATION or found.id != authorization:
        raise RefusedError("key_reused")
    return found


def _fingerprint(tx: sqlite3.Connection, order: MovementRequest) -> str:
    """What makes two orders the same one; a card counts by what the bank keeps of it, never by its number."""
    paying = tokens.find(tx, order.token) if order.token is not None else None
    card = [order.card.brand, order.card.last_four] if isinstance(order.card, TestCard) else order.card
    return json.dumps(
        [
            order.kind,
            order.amount_minor,
            order.currency,
            order.description,
            dict(sorted(order.metadata.items())),
            paying.id if paying is not None else None,
            card,
            order.charge_id,
            order.keep_card,
            order.gateway_customer_id,
        ]
    )
