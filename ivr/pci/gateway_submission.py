"""Sends a card to the gateway: the row is leased, the pool is bounded, and the answer is recorded once.

No transaction is open while the gateway is asked. A process that dies loses its lease in seconds, and
another one asks again under the same idempotency key. The first certain answer counts, whoever brings it;
an uncertain one counts only from the process that holds the lease.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

import orjson
import sqlalchemy as sa
import structlog

from gateways.capability import UnsupportedError
from gateways.contract import Card, CardAuthorized, Declined, Order, Tokenized, Unavailable, Unknown
from gateways.retry import retry_unprocessed
from gateways.secret import Secret
from ivr.pci import entry_lifecycle, entry_store
from ivr.pci import envelope_encryption as sealing
from ivr.pci.entry_lifecycle import SealedResult
from ivr.pci.entry_store import CardEntryRow, EntryStatus
from ivr.pci.field_checks import Field, expiry_of
from ivr.pci.keys import KeyGoneError, KeyService
from ivr.pci.metrics import PciMetrics
from ivr.pci.safe_logging import of_entry, tell
from ivr.pci.tokenizers import CardGateway
from ivr.pci.velocity import CardVelocity
from ivr.platform.card_entry_outcome import CardEntryOutcome
from ivr.platform.clock import Clock
from ivr.platform.database.engine import reading
from ivr.platform.lockout import is_counted

WAIT_MAX_S = 20
"""How long a caller waits for the gateway, in all."""
LEASE_S = 5
RENEW_S = 1
"""A living process renews its leases this often."""
RESULT = "result"
R = TypeVar("R")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class GatewayAnswer:
    """How the submission ended, as the web process is told."""

    outcome: CardEntryOutcome
    token: Secret | None = None
    authorization: str | None = field(default=None, repr=False)
    decline: str | None = None

    @property
    def certain(self) -> bool:
        return self.outcome in {CardEntryOutcome.COLLECTED, CardEntryOutcome.DECLINED}


@dataclass(frozen=True, slots=True)
class GatewaySubmission:
    """Sends whole cards to the gateway. One per process; safe from any thread.

    `owner` names this process, anew at each start; `capacity`: how many cards it takes on at once.
    """

    engine: sa.Engine
    clock: Clock
    keys: KeyService
    gateway: CardGateway
    velocity: CardVelocity
    executor: Executor
    metrics: PciMetrics
    owner: str
    capacity: int
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _in_progress: set[str] = field(default_factory=set, init=False)

    def send(self, entry: CardEntryRow) -> None:
        """Takes the entry on, unless another process holds its lease or this one is full: the next poll
        asks again.
        """
        if is_leased(entry, self.clock.now()):
            return
        with self._lock:
            if entry.id in self._in_progress or len(self._in_progress) >= self.capacity:
                return
            self._in_progress.add(entry.id)
        try:
            self.executor.submit(self._run, entry.id)
        except RuntimeError:  # the pool is shutting down: another process takes it
            self._remove_in_progress(entry.id)

    def renew(self) -> None:
        """Keeps the leases of what this process is sending."""
        with self._lock:
            mine = list(self._in_progress)
        if not mine:
            return
        until = self.clock.now() + timedelta(seconds=LEASE_S)
        with self.engine.begin() as tx:
            entry_store.renew_leases(tx, self.owner, mine, until)

    def _remove_in_progress(self, entry_id: str) -> None:
        with self._lock:
            self._in_progress.discard(entry_id)

    def _run(self, entry_id: str) -> None:
        with structlog.contextvars.bound_contextvars(**of_entry(entry_id)):
            try:
                entry = self._claim(entry_id)
                if entry is not None:
                    self._record(entry, self._ask(entry))
            except Exception as error:  # noqa: BLE001 - the pool's edge: told here, and the poll's deadline ends the wait
                tell("card_sending_failed", error)
            finally:
                self._remove_in_progress(entry_id)

    def _claim(self, entry_id: str) -> CardEntryRow | None:
        """The entry under our lease; None if another process has it or nobody waits any more."""
        now = self.clock.now()
        with self.engine.begin() as tx:
            entry = entry_store.lock(tx, entry_id)
            if entry is None or entry.status != EntryStatus.SENDING:
                return None
            if is_overdue(entry, now) or is_leased(entry, now):
                return None
            until = now + timedelta(seconds=LEASE_S)
            entry_store.change(
                tx, entry_id, lease_owner=self.owner, lease_until=until, claims=entry.claims + 1
            )
        if entry.claims:
            self.metrics.taken_over()
        return entry

    def _ask(self, entry: CardEntryRow) -> tuple[GatewayAnswer, Card | None]:
        """The gateway's answer. Before this call the row says that it may be under way."""
        try:
            card = self._card(entry)
        except KeyGoneError:
            asked_before = entry.authorize is not None and entry.claims > 0
            return _no_result(maybe_held=asked_before), None
        if not self.velocity.admits(entry.id, card.number):
            return _no_result(maybe_held=False), None
        began = self.clock.now()
        try:
            answer = self._answer(entry, card)
        except UnsupportedError:
            answer = _no_result(maybe_held=False)
            log.warning("gateway_cannot_do_this", authorizes=entry.authorize is not None)
        except Exception as error:  # noqa: BLE001 - an adapter's bug must not cost the caller the call
            answer = _no_result(maybe_held=entry.authorize is not None)
            tell("gateway_adapter_failed", error)
        self.metrics.gateway_took((self.clock.now() - began).total_seconds())
        return answer, card

    def _card(self, entry: CardEntryRow) -> Card:
        key = sealing.kept(entry.id, self.keys)
        opened = {field: key.open(field, sealed) for field in Field if (sealed := entry.sealed(field))}
        month, year = expiry_of(opened[Field.EXPIRY].reveal())
        return Card(
            number=opened[Field.NUMBER],
            expiry_month=month,
            expiry_year=year,
            code=opened[Field.CODE],
            postal_code=opened.get(Field.POSTAL_CODE),
        )

    def _answer(self, entry: CardEntryRow, card: Card) -> GatewayAnswer:
        wanted = entry.authorize
        if wanted is None:
            return self._tokenized(entry, card)
        return self._authorized(entry, wanted, card)

    def _tokenized(self, entry: CardEntryRow, card: Card) -> GatewayAnswer:
        if self.gateway.tokenizer is None:
            raise UnsupportedError("this gateway makes no tokens")
        tokenizer, key = self.gateway.tokenizer, tokenization_key(entry.id)
        match self._retry_unprocessed(entry, lambda: tokenizer.tokenize(card, key=key)):
            case Tokenized(token):
                return GatewayAnswer(CardEntryOutcome.COLLECTED, token=token)
            case Declined(decline, gateway_code):
                log.info("card_declined", gateway_code=gateway_code)
                return GatewayAnswer(CardEntryOutcome.DECLINED, decline=decline)
            case Unavailable(reason):
                log.warning("gateway_unavailable", reason=reason)
                return GatewayAnswer(CardEntryOutcome.UNAVAILABLE)

    def _authorized(self, entry: CardEntryRow, wanted: Order, card: Card) -> GatewayAnswer:
        if self.gateway.authorizer is None:
            raise UnsupportedError("this gateway authorizes nothing")
        authorizer = self.gateway.authorizer
        match self._retry_unprocessed(entry, lambda: authorizer.authorize(card, wanted)):
            case CardAuthorized(authorization):
                return GatewayAnswer(CardEntryOutcome.COLLECTED, authorization=authorization)
            case Declined(decline, gateway_code):
                log.info("card_declined", gateway_code=gateway_code)
                return GatewayAnswer(CardEntryOutcome.DECLINED, decline=decline)
            case Unknown(reason):
                log.warning("authorization_unknown", reason=reason)
                return GatewayAnswer(CardEntryOutcome.AUTHORIZATION_UNKNOWN)

    def _retry_unprocessed(self, entry: CardEntryRow, ask: Callable[[], R]) -> R:
        """The answer. What the gateway did not process is sent again while the caller waits. The caller's
        polls are webhooks of their own, so they hear a word meanwhile.
        """

        def may_wait(wait_s: float) -> bool:
            if wait_s:
                log.warning("gateway_did_not_process", wait_s=wait_s)
            return self._is_still_ours(entry.id, wait_s)

        return retry_unprocessed(ask, sleep=self.clock.sleep, may_wait=may_wait)

    def _is_still_ours(self, entry_id: str, wait_s: float) -> bool:
        """Whether the caller still waits by then, and we still hold the lease. Whoever ends the entry or
        takes it over ends the lease.
        """
        with reading(self.engine) as connection:
            entry = entry_store.find(connection, entry_id)
        if entry is None or entry.lease_owner != self.owner:
            return False
        return not is_overdue(entry, self.clock.now() + timedelta(seconds=wait_s))

    def _record(self, asked: CardEntryRow, found: tuple[GatewayAnswer, Card | None]) -> None:
        """Ends the entry with this answer, unless it ended meanwhile."""
        answer, card = found
        result = None
        if card is not None and answer.outcome is not CardEntryOutcome.UNAVAILABLE:
            result = self._sealed(asked, answer, card)
        with self.engine.begin() as tx:
            self._settle(tx, asked, answer)
            entry = entry_store.lock(tx, asked.id)
            if entry is None or entry.status != EntryStatus.SENDING:
                log.info("answer_came_late", outcome=answer.outcome)
                return
            if not answer.certain and entry.lease_owner != self.owner:
                return  # whoever took over will know more
            now = self.clock.now()
            entry_lifecycle.finish(tx, entry, answer.outcome, now, result=result, decline=answer.decline)
        entry_lifecycle.forget(self.keys, [asked.id])
        self.metrics.entry_ended(answer.outcome)
        log.info("card_entry_ended", outcome=answer.outcome)

    def _settle(self, tx: sa.Connection, asked: CardEntryRow, answer: GatewayAnswer) -> None:
        """Counts the outcome, even if the caller is gone. The outcome of a token, and an unknown one, comes
        later, from web.
        """
        match answer.outcome:
            case CardEntryOutcome.DECLINED:
                self.velocity.settle(tx, asked.id, declined=is_counted(answer.decline))
            case CardEntryOutcome.COLLECTED if asked.authorize is not None:
                self.velocity.settle(tx, asked.id, declined=False)
            case CardEntryOutcome.UNAVAILABLE:
                self.velocity.settle(tx, asked.id, declined=False)
            case _:
                pass

    def _sealed(self, entry: CardEntryRow, answer: GatewayAnswer, card: Card) -> SealedResult:
        """Under a data key of its own, so that the card's can go at once."""
        key, wrapped = sealing.fresh(entry.id, self.keys.current())
        document = {
            "token": answer.token.reveal() if answer.token else None,
            "authorization": answer.authorization,
            "last_four": card.number.reveal()[-4:],
            "expiry_month": card.expiry_month,
            "expiry_year": card.expiry_year,
        }
        return SealedResult(wrapped, key.seal(RESULT, Secret(orjson.dumps(document).decode())))


def _no_result(*, maybe_held: bool) -> GatewayAnswer:
    return GatewayAnswer(
        CardEntryOutcome.AUTHORIZATION_UNKNOWN if maybe_held else CardEntryOutcome.UNAVAILABLE
    )


def tokenization_key(entry_id: str) -> str:
    """The idempotency key of the entry's one card. Another try with another card is another entry."""
    return f"{entry_id}:card"


def is_overdue(entry: CardEntryRow, now: datetime) -> bool:
    """Whether the caller has waited long enough for the gateway."""
    return entry.sending_since is not None and now - entry.sending_since >= timedelta(seconds=WAIT_MAX_S)


def is_leased(entry: CardEntryRow, now: datetime) -> bool:
    """Whether its lease has not run out."""
    return entry.lease_until is not None and entry.lease_until > now
