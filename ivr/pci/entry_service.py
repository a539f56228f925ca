"""What web may ask: open an entry, collect its result once, end a call.

Everything may be asked twice and gives the same answer, because an answer can get lost on the way.
"""

import hashlib
from dataclasses import dataclass, fields

import orjson
import sqlalchemy as sa
import structlog
from sqlalchemy.exc import IntegrityError

from gateways.contract import Order
from ivr.pci import entry_lifecycle, entry_store
from ivr.pci import envelope_encryption as sealing
from ivr.pci.entry_lifecycle import EndedEntry
from ivr.pci.entry_store import CardEntryRow, EntryStatus
from ivr.pci.field_checks import Field
from ivr.pci.gateway_submission import RESULT
from ivr.pci.keys import KeyGoneError, KeyService
from ivr.pci.metrics import PciMetrics
from ivr.pci.safe_logging import of_entry
from ivr.platform.card_entry_outcome import CardEntryOutcome
from ivr.platform.clock import Clock
from ivr.platform.database.engine import reading

log = structlog.get_logger()


class UnknownEntryError(LookupError):
    """There is no such entry."""


class EntryConflictError(Exception):
    """Another request was made under this id, or another claimant has this result."""


@dataclass(frozen=True, slots=True)
class EntryRequest:
    """A card entry that the web process wants."""

    id: str
    call_sid: str
    account_sid: str
    language: str
    return_url: str
    postal_code: bool
    authorize: Order | None = None
    slow: bool = False

    def digest(self) -> str:
        """Tells two requests under one id apart, even if the last release stored the first."""
        asked = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "slow" or self.slow}
        return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True, slots=True)
class EntryResult:
    """What web gets. The token is a plain string here, on its way into the signed answer."""

    outcome: str
    token: str | None = None
    authorization: str | None = None
    brand: str | None = None
    last_four: str | None = None
    expiry_month: int | None = None
    expiry_year: int | None = None
    decline: str | None = None
    turn: int | None = None
    """Of an open entry: the turn whose answer is its standing question."""

    def __repr__(self) -> str:
        return f"EntryResult({self.outcome})"


@dataclass(frozen=True, slots=True)
class EntryService:
    """Serves the web process. One per process; safe from any thread."""

    engine: sa.Engine
    clock: Clock
    keys: KeyService
    metrics: PciMetrics

    def open(self, wanted: EntryRequest) -> bool:
        """Opens the entry: True if it is new, False if the same was asked before. Raises EntryConflictError.

        Whatever the call had left unfinished is wiped: one call keys one card at a time.
        """
        with reading(self.engine) as connection:
            if self._is_repeat(entry_store.find(connection, wanted.id), wanted):
                return False
        # Before the row: a key without an entry does no harm, an entry without its key takes no card.
        _, wrapped = sealing.fresh(wanted.id, self.keys.current())
        self.keys.keep(wanted.id, wrapped)
        now = self.clock.now()
        row = {
            "id": wanted.id,
            "request_digest": wanted.digest(),
            "call_sid": wanted.call_sid,
            "account_sid": wanted.account_sid,
            "language": wanted.language,
            "slow": wanted.slow,
            "return_url": wanted.return_url,
            "wants_postal_code": wanted.postal_code,
            **entry_store.order_columns(wanted.authorize),
            "status": EntryStatus.KEYING,
            "turn": 0,
            "field": Field.NUMBER,
            "mistakes": 0,
            "star_last": False,
            "fallbacks": 0,
            "claims": 0,
            "key_kept": True,
            "created_at": now,
        }
        try:
            with self.engine.begin() as tx:
                entry_store.insert(tx, row)
                superseded = entry_lifecycle.end_call(tx, wanted.call_sid, now, but=wanted.id)
        except IntegrityError:  # asked twice in the same moment
            with reading(self.engine) as connection:
                if self._is_repeat(entry_store.find(connection, wanted.id), wanted):
                    return False
            raise
        self._follow(superseded)
        return True

    def _is_repeat(self, found: CardEntryRow | None, wanted: EntryRequest) -> bool:
        if found is None:
            return False
        if found.request_digest != wanted.digest():
            raise EntryConflictError("another entry was opened under this id")
        return True

    def collect(self, entry_id: str, claimant: str) -> EntryResult:
        """The result, for one claimant alone, as often as it asks.

        Raises UnknownEntryError or EntryConflictError.
        """
        with self.engine.begin() as tx:
            entry = entry_store.lock(tx, entry_id)
            if entry is None:
                raise UnknownEntryError
            if entry.claimant not in {None, claimant}:
                raise EntryConflictError("another claimant has this result")
            if entry.status != EntryStatus.FINISHED:
                return EntryResult(CardEntryOutcome.OPEN, turn=max(entry.turn - 1, 0))
            if entry.claimant is None:
                entry_store.change(tx, entry_id, claimant=claimant)
        return self._opened(entry)

    def _opened(self, entry: CardEntryRow) -> EntryResult:
        outcome = CardEntryOutcome(entry.outcome or CardEntryOutcome.UNAVAILABLE)
        told = EntryResult(outcome, brand=entry.brand, decline=entry.decline)
        if entry.sealed_result is None or entry.result_key is None or entry.result_generation is None:
            return told if outcome is not CardEntryOutcome.COLLECTED else _lost(entry, CardEntryOutcome.ENDED)
        try:
            key = sealing.unwrap(entry.id, entry.result_key, self.keys.get(entry.result_generation))
            document = orjson.loads(key.open(RESULT, entry.sealed_result).reveal())
        except KeyGoneError:
            log.warning("card_result_is_gone", **of_entry(entry.id))
            return (
                told
                if outcome is not CardEntryOutcome.COLLECTED
                else _lost(entry, CardEntryOutcome.UNAVAILABLE)
            )
        return EntryResult(outcome, brand=entry.brand, decline=entry.decline, **document)

    def end_call(self, call_sid: str) -> None:
        """The caller hung up: wipes what the call left."""
        with self.engine.begin() as tx:
            ended = entry_lifecycle.end_call(tx, call_sid, self.clock.now())
        self._follow(ended)

    def _follow(self, ended: list[EndedEntry]) -> None:
        """What to do once the ends are committed."""
        entry_lifecycle.forget(self.keys, [one.entry_id for one in ended])
        for one in ended:
            self.metrics.entry_ended(one.outcome)
            log.info("card_entry_ended", outcome=one.outcome, **of_entry(one.entry_id))


def _lost(entry: CardEntryRow, outcome: CardEntryOutcome) -> EntryResult:
    """The outcome when the result was wiped or cannot be opened: an authorization has to be looked up."""
    return EntryResult(outcome if entry.authorize is None else CardEntryOutcome.AUTHORIZATION_UNKNOWN)
