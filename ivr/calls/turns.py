"""Takes one turn of a call: locks it, goes as far as it goes, and commits it with the very answer sent.

No transaction is open across a network call: a turn that needs one commits its intent, makes the remote call,
and commits the answer. A repeat of the carrier that arrives meanwhile is told to come back in a second; it
takes the remote call over where the process that held it died.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from flows.language import Flow, QuestionWait, Step, Wait
from ivr.calls import heard as hearing
from ivr.calls import machine, remote_calls, store
from ivr.calls.greeting import NewCall
from ivr.calls.hang_up import CALL_S_MAX
from ivr.calls.payment_wait import FIRST_REASSURANCE, REASSURE_EVERY_S, reassurance
from ivr.calls.remote_calls import CarrierIds, RemoteCall, RemoteCalls
from ivr.calls.response import CarrierRenderer, Ending, HangUp, Pause, SendTo
from ivr.calls.session import Session
from ivr.calls.step_result import Keys, Listen, Over, Progress, Utterance
from ivr.calls.store import CallRow
from ivr.calls.turn import CallInput, LeftBy, NeedsRemoteCall, Turn, TurnEnd, WaitResult, turn_url
from ivr.calls.wait_handler import WaitHandler
from ivr.customers import customer, timeline
from ivr.customers.caller import Caller
from ivr.jobs.job_list import END_UNREPORTED_CALL, Work
from ivr.platform.clock import Clock
from ivr.platform.database.engine import reading
from ivr.platform.ids import Ids

log = structlog.get_logger()
INTENT_LEASE_S = 12
"""Longer than any remote call takes, shorter than the carrier waits."""
REMOTE_CALL_WAIT_S_MAX = 60
"""How long a caller waits for a remote call before the turn has failed, also where another process takes it
over."""
SENT_BY_US = "waits=1"
"""Marks an address to which we sent the carrier: no keys there does not mean that the caller was silent."""


class UnknownCallError(LookupError):
    """No such call: an address that nobody was given."""


class ForeignCallError(Exception):
    """The address belongs to another call of the carrier."""


@dataclass(frozen=True, slots=True)
class RejoinPoint:
    """Where a call goes on after the carrier had trouble; nowhere (None) once it had too much of it."""

    url: str | None
    language: str


@dataclass(frozen=True, slots=True)
class _PendingCall:
    """A turn that stopped for a remote call, and where it goes on."""

    remote_call: RemoteCall
    lease: str
    ids: CarrierIds


@dataclass(frozen=True, slots=True)
class Turns:
    """Takes the turns of every call of one flow; holds no state of a call."""

    engine: sa.Engine
    flow: Flow[Any]
    waits: Mapping[type[Wait], WaitHandler[Any]]
    remote: RemoteCalls
    renderer: CarrierRenderer
    work: Work
    clock: Clock
    ids: Ids
    home_country: str
    release: str
    """Of this server, for the record of what callers agree to."""
    on_card_too_early: Callable[[], None]

    def begin(self, new: NewCall) -> str:
        """Turn 0 of a call that begins; the carrier's repeat gets the same answer."""
        row = new.row
        with self.engine.begin() as tx:
            known = store.lock_by_sid(tx, row.call_sid)
            if known is None and store.begin(tx, row):
                self.work.enqueue(tx, END_UNREPORTED_CALL, row.id, delay_s=CALL_S_MAX)
                timeline.add(tx, "call.began", at=row.started_at, call_id=row.id, facts={"flow": row.flow})
                progress = machine.begin(self.flow, new.session)
                taken = self._go_on(Turn(tx, row, 0, new.caller), progress, [])
            else:
                row = known or store.lock_by_sid(tx, row.call_sid) or row
                taken = self._answer_out_of_order(tx, row, 0)
        return self._finish(row.id, 0, taken)

    def take(self, call_id: str, number: int, call_sid: str, given: CallInput) -> str:
        """The turn's TwiML. Raises UnknownCallError, ForeignCallError, or UnknownStepError in a rolling
        deploy.
        """
        with self.engine.begin() as tx:
            row = store.lock(tx, call_id)
            if row is None:
                raise UnknownCallError(call_id)
            if row.call_sid != call_sid:
                raise ForeignCallError(call_id)
            if number == row.turn and row.is_active and row.intent is None:
                taken = self._hear(tx, row, number, given)
            else:
                taken = self._answer_out_of_order(tx, row, number)
        return self._finish(call_id, number, taken)

    def language_of(self, call_id: str) -> str | None:
        """The language that a call speaks, for an apology; None where there is no such call."""
        with reading(self.engine) as connection:
            row = store.find(connection, call_id)
        return None if row is None else str(row.session["language"])

    def call_id_of(self, call_sid: str) -> str | None:
        """For the log alone: None where there is no such call, and where the database is away."""
        try:
            with reading(self.engine) as tx:
                return store.id_of_sid(tx, call_sid)
        except sa.exc.SQLAlchemyError:
            return None

    def rejoin(self, call_sid: str, troubles_max: int) -> RejoinPoint | None:
        """For the fallback: where the call's last answer stands; None where it is over. Raises
        UnknownCallError where it never began.
        """
        with self.engine.begin() as tx:
            row = store.lock_by_sid(tx, call_sid)
            if row is None:
                raise UnknownCallError(call_sid)
            if not row.is_active:
                return None
            session = self._session(row)
            session = replace(session, troubles=session.troubles + 1)
            store.save(tx, row.id, turn=row.turn, session=session.dump(), intent=row.intent)
            if session.troubles > troubles_max:
                return RejoinPoint(None, session.language)
            # A caller who was keying a card, or part of an answer, must hear the question again, so they
            # rejoin at the turn not yet answered. Everybody else gets the last answer repeated.
            needs_question_again = session.card.entry_id is not None or session.question.begun
            number = row.turn if needs_question_again else max(row.turn - 1, 0)
            return RejoinPoint(turn_url(row.id, number), session.language)

    # One transaction --------------------------------------------------------------------------------------

    def _hear(self, tx: sa.Connection, row: CallRow, number: int, given: CallInput) -> str | _PendingCall:
        session = self._session(row)
        turn = self._turn(tx, row, number)
        step = self.flow.step(session.step)
        if not issubclass(step.wait, QuestionWait):
            resumed = self.waits[step.wait].resume(turn, session, _wait(step, session), given)
            if resumed is None:
                return self._commit(turn, session, [], HangUp())
            return self._go_on(turn, resumed, [])
        asked_at = store.answered_at(tx, row.id, number - 1) or row.started_at
        lost = given.is_retry and not given.digits
        elapsed_s = 0.0 if lost else (self.clock.now() - asked_at).total_seconds()
        named = hearing.named(self.renderer, step, session, given.named, elapsed_s)
        keys = Keys(given.digits, elapsed_s, named, hashed=given.hashed)
        return self._go_on(turn, machine.hear(self.flow, session, keys), [])

    def _go_on(self, turn: Turn, reached: Progress | WaitResult, verbs: list[str]) -> str | _PendingCall:
        """From step to step and from wait to wait, until the turn ends or needs a remote call."""
        while True:
            match reached:
                case Progress():
                    self._note(turn, reached)
                    if isinstance(reached.stop, Listen):
                        return self._ask(turn, reached, reached.stop, verbs)
                    verbs += self.renderer.utter(reached.said)
                    if isinstance(reached.stop, Over):
                        return self._commit(turn, reached.session, verbs, HangUp())
                    wait = reached.stop.wait
                    reached = self.waits[type(wait)].start(turn, reached.session, wait)
                case LeftBy():
                    reached = self._leave(turn, reached)
                case NeedsRemoteCall(session, remote_call):
                    return self._lease(turn.tx, turn.row, session.dump(), remote_call, verbs)
                case TurnEnd():
                    return self._end(turn, reached, verbs)

    def _ask(self, turn: Turn, progress: Progress, listen: Listen, verbs: list[str]) -> str:
        spoken, gather, asked = hearing.question(
            self.renderer, self.flow, verbs, said=progress.said, listen=listen, release=self.release
        )
        return self._commit(turn, replace(progress.session, asked=asked), spoken, gather)

    def _leave(self, turn: Turn, left: LeftBy) -> Progress:
        timeline.add(
            turn.tx,
            "step.left",
            at=self.clock.now(),
            call_id=turn.row.id,
            facts={"step": left.session.step, "exit": left.exit},
        )
        return machine.leave(self.flow, left.session, left.exit, left.facts)

    def _end(self, turn: Turn, end: TurnEnd, verbs: list[str]) -> str:
        session = end.session
        if end.same_turn:
            store.save(turn.tx, turn.row.id, turn=turn.number, session=session.dump(), intent=None)
            return self.renderer.document(verbs, end.ending, next_url=turn.next_url)
        if end.say is not None:
            verbs += self.renderer.utter([Utterance(end.say, (session.language,), slow=session.slow)])
        if end.server_prompt is not None:
            verbs += self.renderer.server_prompt(end.server_prompt, session.language, slow=session.slow)
        return self._commit(turn, session, verbs, end.ending)

    def _commit(self, turn: Turn, session: Session, verbs: list[str], ending: Ending) -> str:
        twiml = self.renderer.document(verbs, ending, next_url=turn.next_url)
        store.save(turn.tx, turn.row.id, turn=turn.number + 1, session=session.dump(), intent=None)
        store.keep_answer(turn.tx, turn.row.id, turn.number, twiml, self.clock.now())
        return twiml

    def _lease(
        self,
        tx: sa.Connection,
        row: CallRow,
        session: dict[str, Any],
        remote_call: RemoteCall,
        verbs: list[str],
    ) -> _PendingCall:
        """Keeps the intent to make this remote call; whoever holds its lease goes on with the answer. How
        long the caller waits already is kept too.
        """
        lease = self.ids.new("lease")
        until = self.clock.now() + timedelta(seconds=INTENT_LEASE_S)
        intent = {
            **(row.intent or {}),
            "errand": remote_calls.dump(remote_call),
            "lease": lease,
            "until": until.isoformat(),
            "verbs": verbs,
        }
        store.save(tx, row.id, turn=row.turn, session=session, intent=intent)
        return _PendingCall(remote_call, lease, CarrierIds(row.call_sid, row.account_sid))

    def _answer_out_of_order(self, tx: sa.Connection, row: CallRow, number: int) -> str | _PendingCall:
        """A webhook that is late, early, or a repeat of the one under way."""
        stored = store.answer(tx, row.id, number)
        if stored is not None:
            if number == row.turn - 1:  # the question that stands is asked again: keys count from here on
                store.answered_again(tx, row.id, number, self.clock.now())
            return stored
        if number > row.turn:
            log.warning("turn_from_the_future", call_id=row.id, turn=row.turn)
            return self._word(row, FIRST_REASSURANCE, SendTo(f"{turn_url(row.id, row.turn)}?{SENT_BY_US}"))
        if not row.is_active:
            return self.renderer.document([], HangUp(), next_url="")
        if row.intent is not None and number == row.turn:
            if self.clock.now() < datetime.fromisoformat(row.intent["until"]):
                return self._wait_on(tx, row, row.intent)
            return self._take_over(tx, row, row.intent)
        raise RuntimeError(f"turn {number} of a call at turn {row.turn} has no answer")

    def _wait_on(self, tx: sa.Connection, row: CallRow, intent: Mapping[str, Any]) -> str:
        """Another webhook makes this turn's remote call: the caller hears a word now, and one every nine
        seconds.
        Raises TimeoutError once that has lasted too long.
        """
        now = self.clock.now()
        since = datetime.fromisoformat(intent.get("waiting_since") or now.isoformat())
        if (now - since).total_seconds() >= REMOTE_CALL_WAIT_S_MAX:
            raise TimeoutError(f"the remote call of turn {row.turn} is under way since {since}")
        told_at = intent.get("told_at")
        url = turn_url(row.id, row.turn)
        if told_at and (now - datetime.fromisoformat(told_at)).total_seconds() < REASSURE_EVERY_S - 1:
            return self.renderer.document([], Pause(), next_url=url)
        told = {"waiting_since": since.isoformat(), "told_at": now.isoformat()}
        store.save(tx, row.id, turn=row.turn, session=row.session, intent={**intent, **told})
        count = 1 + int((now - since).total_seconds() // REASSURE_EVERY_S)
        return self._word(row, reassurance(count), Pause())

    def _word(self, row: CallRow, prompt: str, ending: Ending) -> str:
        """A word for somebody who waits, before the carrier comes to this turn again."""
        session = row.session
        word = self.renderer.server_prompt(prompt, session["language"], slow=bool(session.get("slow")))
        return self.renderer.document(word, ending, next_url=turn_url(row.id, row.turn))

    def _take_over(self, tx: sa.Connection, row: CallRow, intent: Mapping[str, Any]) -> _PendingCall:
        """The process that made the remote call died: it is made again, under the same ids."""
        log.warning("errand_taken_over", call_id=row.id, turn=row.turn)
        return self._lease(tx, row, row.session, remote_calls.load(intent["errand"]), intent["verbs"])

    # Between two transactions -----------------------------------------------------------------------------

    def _finish(self, call_id: str, number: int, taken: str | _PendingCall) -> str:
        while isinstance(taken, _PendingCall):
            lease = taken.lease
            try:
                taken = self._run(call_id, number, taken)
            except Exception:
                self._let_go(call_id, lease)
                raise
        return taken

    def _run(self, call_id: str, number: int, taken: _PendingCall) -> str | _PendingCall:
        """The remote call, and the turn as far as it goes with the response."""
        response = self.remote.make(taken.remote_call, taken.ids)
        with self.engine.begin() as tx:
            row = store.lock(tx, call_id)
            if row is None:
                raise UnknownCallError(call_id)
            if not row.is_active or row.intent is None or row.intent["lease"] != taken.lease:
                return self._answer_out_of_order(tx, row, number)
            session = self._session(row)
            turn = self._turn(tx, replace(row, intent=None), number)
            step = self.flow.step(session.step)
            wait = _wait(step, session)
            result = self.waits[step.wait].answered(turn, session, wait, taken.remote_call, response)
            return self._go_on(turn, result, list(row.intent["verbs"]))

    def _let_go(self, call_id: str, lease: str) -> None:
        """This process cannot finish the turn (a bug, or a step of the next release): whoever comes next need
        not wait for its lease to run out.
        """
        with self.engine.begin() as tx:
            row = store.lock(tx, call_id)
            if row is None or row.intent is None or row.intent["lease"] != lease:
                return
            intent = {**row.intent, "until": self.clock.now().isoformat()}
            store.save(tx, row.id, turn=row.turn, session=row.session, intent=intent)

    # Small things -----------------------------------------------------------------------------------------

    def _note(self, turn: Turn, progress: Progress) -> None:
        phone = customer.kept_under(turn.tx, turn.own) if progress.language_chosen else None
        if phone is not None:
            customer.remember_language(
                turn.tx, phone, progress.session.language, clock=self.clock, ids=self.ids
            )
        number = turn.own.number if progress.pace_chosen else None
        if number is not None:
            customer.remember_pace(
                turn.tx, number, slow=progress.session.slow, clock=self.clock, ids=self.ids
            )
        if progress.card_too_early:
            self.on_card_too_early()
            timeline.add(turn.tx, "card.too_early", at=self.clock.now(), call_id=turn.row.id)

    def _turn(self, tx: sa.Connection, row: CallRow, number: int) -> Turn:
        return Turn(tx, row, number, Caller.of(row.from_number or "", self.home_country))

    def _session(self, row: CallRow) -> Session:
        return Session.load(self.flow, row.session)


def _wait(step: Step[Any], session: Session) -> Wait:
    wait = step.run(session.state)
    if not isinstance(wait, step.wait):
        raise TypeError(f"step {step.name} returned {type(wait).__name__}")
    return wait
