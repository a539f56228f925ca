"""One turn of the card-entry dialogue: keys in, TwiML out, and everything between in one transaction.

A repeated or late webhook gets the stored answer again and changes nothing. One from the future is sent to
the current question. The key service is asked before the transaction, the gateway after it. The TwiML that
is stored and sent holds prompts and URLs, never a digit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from ivr.carriers.twilio import twiml
from ivr.pci import dialogue, entry_lifecycle, entry_store, keypad
from ivr.pci import envelope_encryption as sealing
from ivr.pci.dialogue import NOTHING, AskOn, CardComplete, DialogueState, GaveUp, LeftEntry, Question
from ivr.pci.entry_store import CardEntryRow, EntryStatus
from ivr.pci.envelope_encryption import DataKey
from ivr.pci.fallback import ReturnToWeb
from ivr.pci.field_checks import KEYS_TIMEOUT_S, Field
from ivr.pci.gateway_submission import GatewaySubmission, is_overdue
from ivr.pci.keys import KeyGoneError, KeyService
from ivr.pci.metrics import PciMetrics
from ivr.pci.safe_logging import of_entry
from ivr.pci.speech import Speech
from ivr.platform.card_entry_outcome import CardEntryOutcome
from ivr.platform.clock import Clock
from ivr.platform.database.engine import reading

KEYING_TURNS_MAX = 60
"""Far more than the most patient caller needs. A caller who clears without end is sent back to web."""
SILENCE_MAX_S = 6
"""A waiting caller hears a word after this long; with speech and travel it stays under eight."""
FALLBACKS_MAX = 3

WebhookForm = Mapping[str, Sequence[str]]
log = structlog.get_logger()


class NotBoundError(Exception):
    """The webhook is not of the call that this entry was opened for."""


@dataclass(frozen=True, slots=True)
class TurnReply:
    """The result of a turn: verbs to send, columns to change, and what to do once it is committed."""

    verbs: tuple[str, ...]
    values: Mapping[str, Any] = field(default_factory=dict)
    ended: CardEntryOutcome | None = None
    mistake: tuple[str, str] | None = None
    sending: bool = False


@dataclass(frozen=True, slots=True)
class Conversation:
    """Takes turns. One per process; safe from any thread. `base_url`: where the carrier reaches it."""

    engine: sa.Engine
    clock: Clock
    keys: KeyService
    speech: Speech
    submission: GatewaySubmission
    metrics: PciMetrics
    return_to_web: ReturnToWeb
    base_url: str
    entry_life: timedelta

    def turn_url(self, entry_id: str, turn: int) -> str:
        """Where the carrier posts this turn."""
        return f"{self.base_url}/pci/e/{entry_id}/t/{turn}"

    def take_turn(self, entry_id: str, turn: int, form: WebhookForm) -> str:
        """The TwiML for this webhook; raises NotBoundError."""
        with reading(self.engine) as connection:
            seen = entry_store.find(connection, entry_id)
            if seen is None or _sids(form) != (seen.call_sid, seen.account_sid):
                raise NotBoundError
            if turn < seen.turn:
                return self._again(connection, seen, turn)
        key = self._data_key(seen)
        with self.engine.begin() as tx:
            entry = entry_store.lock(tx, entry_id)
            if entry is None:
                raise NotBoundError
            if turn < entry.turn:
                return self._again(tx, entry, turn)
            if turn > entry.turn:
                return twiml.document([twiml.redirect(self._standing_url(entry))])
            reply = self._reply(tx, entry, key, form)
            answer = twiml.document(reply.verbs)
            entry_store.keep_turn(tx, entry_id, turn, answer, reply.values)
        self._follow(entry.id, reply)
        if reply.sending:
            self.submission.send(entry)
        return answer

    def rejoin(self, form: WebhookForm) -> str:
        """The carrier came by its fallback: the current question again, or back to the web process."""
        if dialled := "".join(form.get("DialCallStatus", ())[:1]):
            return self.return_to_web.person_left(dialled)
        return self._ask_again(form)

    def apologize(self, form: WebhookForm) -> str:
        """After an unexpected error: a kind sentence, and the current question again. Nothing that was keyed
        in the failed turn is kept. Raises if the database does not answer; `blind_apology` needs none.
        """
        return self._ask_again(form, prompt="trouble")

    def _ask_again(self, form: WebhookForm, *, prompt: str | None = None) -> str:
        """The current question after the `prompt`; `FALLBACKS_MAX` times, then the entry is given up."""
        call_sid, account_sid = _sids(form)
        with self.engine.begin() as tx:
            newest = entry_store.newest_of_call(tx, call_sid, account_sid)
            entry = entry_store.lock(tx, newest.id) if newest else None
            structlog.contextvars.bind_contextvars(**(of_entry(newest.id) if newest else {}))
            if entry is None or entry.claimant is not None or entry.fallbacks >= FALLBACKS_MAX * 2:
                language = entry.language if entry else None
                return self.return_to_web.document(call_sid, language, prompt=prompt or "back.moment")
            entry_store.change(tx, entry.id, fallbacks=entry.fallbacks + 1)
            if entry.status == EntryStatus.FINISHED:
                return self.return_to_web.document(call_sid, entry.language, url=entry.return_url)
            if entry.fallbacks < FALLBACKS_MAX:
                if entry.turn and not prompt:
                    return self._again(tx, entry, entry.turn - 1)
                words = (self._say(prompt, entry),) if prompt else ()
                return twiml.document([*words, twiml.redirect(self._standing_url(entry))])
            reply = self._give_up(tx, entry, CardEntryOutcome.UNAVAILABLE, say=prompt)
        self._follow(entry.id, reply)
        return twiml.document(reply.verbs)

    def blind_apology(self, form: WebhookForm) -> str:
        """The same without a database: in every language, and to the web process's own fallback."""
        return self.return_to_web.document(_sids(form)[0], None, prompt="trouble")

    def _again(self, connection: sa.Connection, entry: CardEntryRow, turn: int) -> str:
        self.metrics.repeated()
        kept = entry_store.kept_turn(connection, entry.id, turn)
        return kept or twiml.document([twiml.redirect(entry.return_url)])

    def _follow(self, entry_id: str, reply: TurnReply) -> None:
        """What to do once the turn is committed."""
        if reply.ended is not None:
            entry_lifecycle.forget(self.keys, [entry_id])
        if reply.mistake is not None:
            self.metrics.mistaken(*reply.mistake)
        if reply.ended is not None:
            self.metrics.entry_ended(reply.ended)
            log.info("card_entry_ended", outcome=reply.ended)

    def _data_key(self, entry: CardEntryRow) -> DataKey | None:
        """The entry's key while digits are awaited; None where it is gone or not needed."""
        if entry.status != EntryStatus.KEYING:
            return None
        try:
            return sealing.kept(entry.id, self.keys)
        except KeyGoneError:
            return None

    def _reply(
        self, tx: sa.Connection, entry: CardEntryRow, key: DataKey | None, form: WebhookForm
    ) -> TurnReply:
        if entry.status == EntryStatus.FINISHED:
            return TurnReply((twiml.redirect(entry.return_url),))
        if entry.status == EntryStatus.SENDING:
            return self._wait(tx, entry)
        if key is None or self.clock.now() - entry.created_at >= self.entry_life:
            log.warning("card_entry_key_is_gone")
            return self._give_up(tx, entry, CardEntryOutcome.UNAVAILABLE, say="trouble")
        if entry.turn >= KEYING_TURNS_MAX:
            return self._give_up(tx, entry, CardEntryOutcome.GAVE_UP)
        return self._listen(tx, entry, key, form)

    def _listen(self, tx: sa.Connection, entry: CardEntryRow, key: DataKey, form: WebhookForm) -> TurnReply:
        standing = _standing(entry, key)
        if entry.turn == 0:
            return self._asked(entry, key, dialogue.begin(standing))
        now = self.clock.now()
        move = dialogue.hear(standing, keypad.read(form, star_before=entry.star_last), now)
        match move:
            case AskOn():
                return self._asked(entry, key, move)
            case LeftEntry():
                return self._give_up(tx, entry, CardEntryOutcome.LEFT)
            case GaveUp(mistake):
                ended = self._give_up(tx, entry, CardEntryOutcome.GAVE_UP)
                return replace(ended, mistake=(standing.field, mistake))
            case CardComplete((last, value)):
                return self._complete(entry, {f"sealed_{last}": key.seal(last, value)}, now)

    def _asked(self, entry: CardEntryRow, key: DataKey, ask: AskOn) -> TurnReply:
        """Stores what was keyed, sealed, and asks for more."""
        after = ask.standing
        values: dict[str, Any] = {
            "field": after.field,
            "mistakes": after.mistakes,
            "star_last": after.star_last,
            "brand": after.brand,
            f"sealed_{after.field}": key.seal(after.field, after.kept) if after.kept else None,
        }
        if ask.taken is not None:
            taken, value = ask.taken
            values[f"sealed_{taken}"] = key.seal(taken, value)
        mistake = (entry.field, ask.mistake) if ask.mistake else None
        return TurnReply((self._gather(entry, ask.question),), values, mistake=mistake)

    def _gather(self, entry: CardEntryRow, question: Question) -> str:
        """The carrier has one timeout for the first key and for the next ones; it begins after the words. A
        pause after the words gives more time to a caller who is still taking out the card.
        """
        words = [self._say(prompt, entry) for prompt in question.prompts]
        between_s = min(question.timeout_s, KEYS_TIMEOUT_S)
        if question.timeout_s > between_s:
            words.append(twiml.pause(question.timeout_s - between_s))
        return twiml.gather(
            "".join(words),
            action=self.turn_url(entry.id, entry.turn + 1),
            num_digits=question.num_digits,
            timeout_s=between_s,
        )

    def _complete(self, entry: CardEntryRow, sealed: Mapping[str, bytes], now: datetime) -> TurnReply:
        """Every field was keyed: the caller hears a word, and polling begins."""
        moment = self._say("wait.moment", entry)
        values = {"status": EntryStatus.SENDING, "sending_since": now, "spoken_at": now, **sealed}
        return TurnReply((moment, self._onward(entry)), values, sending=True)

    def _wait(self, tx: sa.Connection, entry: CardEntryRow) -> TurnReply:
        now = self.clock.now()
        if is_overdue(entry, now):
            return self._give_up(tx, entry, CardEntryOutcome.UNAVAILABLE)
        poll = (twiml.pause(1), self._onward(entry))
        if entry.spoken_at is not None and now - entry.spoken_at < timedelta(seconds=SILENCE_MAX_S):
            return TurnReply(poll, sending=True)
        still = self._say("wait.still", entry)
        return TurnReply((still, *poll), {"spoken_at": now}, sending=True)

    def _say(self, key: str, entry: CardEntryRow) -> str:
        return self.speech.say(key, entry.language, slow=entry.slow)

    def _standing_url(self, entry: CardEntryRow) -> str:
        """Where the last answer is given again, or the first one is asked for."""
        return self.turn_url(entry.id, max(entry.turn - 1, 0))

    def _onward(self, entry: CardEntryRow) -> str:
        return twiml.redirect(self.turn_url(entry.id, entry.turn + 1))

    def _give_up(
        self, tx: sa.Connection, entry: CardEntryRow, outcome: CardEntryOutcome, *, say: str | None = None
    ) -> TurnReply:
        """Ends the entry and sends the caller back."""
        certain = entry_lifecycle.give_up(tx, entry, outcome, self.clock.now())
        words = (self._say(say, entry),) if say else ()
        return TurnReply((*words, twiml.redirect(entry.return_url)), ended=certain)


def _standing(entry: CardEntryRow, key: DataKey) -> DialogueState:
    keyed = Field(entry.field)
    sealed = entry.sealed(keyed)
    return DialogueState(
        field=keyed,
        kept=key.open(keyed, sealed) if sealed else NOTHING,
        brand=entry.brand,
        mistakes=entry.mistakes,
        star_last=entry.star_last,
        wants_postal_code=entry.wants_postal_code,
    )


def _sids(form: WebhookForm) -> tuple[str, str]:
    """Call and account, where each is there exactly once."""
    call, account = form.get("CallSid", ()), form.get("AccountSid", ())
    return (call[0] if len(call) == 1 else "", account[0] if len(account) == 1 else "")
