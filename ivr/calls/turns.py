"""Take one turn of a call: lock, dedupe, go as far as it goes, commit with the very answer that is sent.

No transaction is open across a network call: a turn that needs one commits its intent, runs the errand, and
commits the answer; the carrier's repeat that arrives meanwhile is told to come back in a second, and takes
the errand over where the process that held it died.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from flows.language import Flow
from ivr.calls import heard as hearing
from ivr.calls import machine, store
from ivr.calls import remote_calls as errands
from ivr.calls.hang_up import CallEnder
from ivr.calls.remote_calls import Errand, Runner
from ivr.calls.response import Ending, HangUp, Pause, Renderer, SendTo, turn_url
from ivr.calls.session import Session
from ivr.calls.step_result import Keys, Listen, Need, Over, Progress, Utterance
from ivr.calls.store import CallRow
from ivr.calls.wait_dispatch import Host
from ivr.calls.wait_result import Fulfilment, Left, MustRun, Turn, Waiting
from ivr.calls.waits.charge import FIRST_REASSURANCE, REASSURE_EVERY_S, reassurance
from ivr.customers import customer, timeline
from ivr.customers.caller import Caller
from ivr.integrations.pci_client import CardEntryResult
from ivr.platform.clock import Clock
from ivr.platform.database.engine import reading
from ivr.platform.ids import Ids

log = structlog.get_logger()
INTENT_LEASE_S = 12
"""Longer than any errand takes, shorter than the carrier waits."""
ERRAND_WAIT_S_MAX = 60
"""How long a caller waits for an errand, whoever takes it over, before the turn has failed."""
RETRIED = "waits=1"
"""Of an address to which we send the carrier by ourselves: silence there is none of the caller's."""


class UnknownCallError(LookupError):
    """No such call: an address that nobody was given."""


class ForeignCallError(Exception):
    """The address belongs to another call of the carrier."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a webhook says: keys, how a dialled person answered, or what became of a card that the carrier
    took; nothing where the carrier just goes on.
    """

    digits: str | None = None
    hashed: bool = False
    """`#` ended what was keyed, or is all that was."""
    named: str | None = None
    """The keys that were named to the caller before theirs, as the carrier proves; None: it does not.
    Whoever carries keys on to another webhook carries this on, too.
    """
    dialled: str | None = None
    card: CardEntryResult | None = None
    is_retry: bool = False
    """The turn failed before: what was not brought back was lost by us, and is no silence of the caller's."""


@dataclass(frozen=True, slots=True)
class Rejoined:
    """Where a call goes on after the carrier had trouble; nowhere (None) once it had too much of it."""

    url: str | None
    language: str


@dataclass(frozen=True, slots=True)
class _Errand:
    """A turn that stopped for an errand, and where it goes on."""

    errand: Errand
    lease: str
    caller: errands.Caller


class Turns:
    """Takes the turns of every call of one flow; holds no state of a call."""

    def __init__(
        self,
        *,
        engine: sa.Engine,
        flow: Flow[Any],
        host: Host,
        runner: Runner,
        renderer: Renderer,
        ender: CallEnder,
        clock: Clock,
        ids: Ids,
        home_country: str,
        release: str,
        on_card_too_early: Callable[[], None],
    ) -> None:
        """`release`: of this server, for the record of what callers agree to."""
        self._engine = engine
        self._flow = flow
        self._host = host
        self._runner = runner
        self._renderer = renderer
        self._ender = ender
        self._clock = clock
        self._ids = ids
        self._home_country = home_country
        self._release = release
        self._on_card_too_early = on_card_too_early

    def begin(self, row: CallRow) -> str:
        """Turn 0 of a call that begins; the carrier's repeat gets the same answer."""
        with self._engine.begin() as tx:
            known = store.lock_by_sid(tx, row.call_sid)
            if known is None and store.begin(tx, row):
                self._ender.watch(tx, row.id)
                timeline.add(tx, "call.began", at=row.started_at, call_id=row.id, facts={"flow": row.flow})
                progress = machine.begin(self._flow, self._session(row))
                taken = self._advance(self._turn(tx, row, 0), progress, [])
            else:
                row = known or store.lock_by_sid(tx, row.call_sid) or row
                taken = self._repeat(tx, row, 0)
        return self._finish(row.id, 0, taken)

    def take(self, call_id: str, number: int, call_sid: str, heard: Heard) -> str:
        """The turn's TwiML. Raises UnknownCallError, ForeignCallError, or UnknownStepError in a rolling
        deploy.
        """
        with self._engine.begin() as tx:
            row = store.lock(tx, call_id)
            if row is None:
                raise UnknownCallError(call_id)
            if row.call_sid != call_sid:
                raise ForeignCallError(call_id)
            if number == row.turn and row.is_active and row.intent is None:
                taken = self._hear(tx, row, number, heard)
            else:
                taken = self._repeat(tx, row, number)
        return self._finish(call_id, number, taken)

    def language_of(self, call_id: str) -> str | None:
        """The language that a call speaks, for an apology; None where there is no such call."""
        with reading(self._engine) as connection:
            row = store.find(connection, call_id)
        return None if row is None else str(row.session["language"])

    def call_id_of(self, call_sid: str) -> str | None:
        """For the log alone: None where there is no such call, and where the database is away."""
        try:
            with reading(self._engine) as tx:
                return store.id_of_sid(tx, call_sid)
        except sa.exc.SQLAlchemyError:
            return None

    def rejoin(self, call_sid: str, troubles_max: int) -> Rejoined | None:
        """For the fallback: where the call's last answer stands; None where it is over. Raises
        UnknownCallError where it never began.
        """
        with self._engine.begin() as tx:
            row = store.lock_by_sid(tx, call_sid)
            if row is None:
                raise UnknownCallError(call_sid)
            if not row.is_active:
                return None
            session = self._session(row)
            session = replace(session, troubles=session.troubles + 1)
            store.save(tx, row.id, turn=row.turn, session=session.dump(), intent=row.intent)
            if session.troubles > troubles_max:
                return Rejoined(None, session.language)
            # Who was keying a card comes back by the next turn: it leads to the question that stands there.
            # So does who had begun an answer anew: nothing was said when they were listened to last.
            asked_next = session.entry_id is not None or session.begun
            number = row.turn if asked_next else max(row.turn - 1, 0)
            return Rejoined(turn_url(row.id, number), session.language)

    # One transaction --------------------------------------------------------------------------------------

    def _hear(self, tx: sa.Connection, row: CallRow, number: int, heard: Heard) -> str | _Errand:
        session = self._session(row)
        turn = self._turn(tx, row, number)
        if machine.is_listening(self._flow, session):
            asked_at = store.answered_at(tx, row.id, number - 1) or row.started_at
            lost = heard.is_retry and not heard.digits
            elapsed_s = 0.0 if lost else (self._clock.now() - asked_at).total_seconds()
            step = self._flow.step(session.step)
            named = hearing.named(self._renderer, step, session, heard.named, elapsed_s)
            keys = Keys(heard.digits, elapsed_s, named, hashed=heard.hashed)
            progress = machine.hear(self._flow, session, keys)
            return self._advance(turn, progress, [])
        fulfilled = self._host.resume(turn, session, self._wait(session), heard.dialled, heard.card)
        if fulfilled is None:
            return self._commit(turn, session, [], HangUp())
        return self._go_on(turn, fulfilled, [])

    def _advance(self, turn: Turn, progress: Progress, verbs: list[str]) -> str | _Errand:
        """Goes on from a step of the machine until the turn ends or needs an errand."""
        self._note(turn, progress)
        if isinstance(progress.stop, Listen):
            said, listen = progress.said, progress.stop
            asked = hearing.asked(self._renderer, self._flow, said, listen, self._release)
            spoken, gather = hearing.question(self._renderer, verbs, said, listen)
            return self._commit(turn, replace(progress.session, asked=asked), spoken, gather)
        verbs += self._renderer.utter(progress.said)
        match progress.stop:
            case Over():
                return self._commit(turn, progress.session, verbs, HangUp())
            case Need(wait):
                return self._go_on(turn, self._host.fulfil(turn, progress.session, wait), verbs)

    def _go_on(self, turn: Turn, fulfilled: Fulfilment, verbs: list[str]) -> str | _Errand:
        match fulfilled:
            case Left(session, exit_name, facts):
                timeline.add(
                    turn.tx,
                    "step.left",
                    at=self._clock.now(),
                    call_id=turn.row.id,
                    facts={"step": session.step, "exit": exit_name},
                )
                progress = machine.leave(self._flow, session, exit_name, facts)
                return self._advance(turn, progress, verbs)
            case Waiting(session, ending, same_turn=True):
                store.save(turn.tx, turn.row.id, turn=turn.number, session=session.dump(), intent=None)
                return self._renderer.document(verbs, ending, next_url=turn.next_url)
            case Waiting(session, ending, host_prompt, say):
                if say is not None:
                    verbs += self._renderer.utter([Utterance(say, (session.language,), slow=session.slow)])
                if host_prompt is not None:
                    verbs += self._renderer.host(host_prompt, session.language, slow=session.slow)
                return self._commit(turn, session, verbs, ending)
            case MustRun(session, errand):
                return self._lease(turn.tx, turn.row, session.dump(), errand, verbs)

    def _commit(self, turn: Turn, session: Session, verbs: list[str], ending: Ending) -> str:
        twiml = self._renderer.document(verbs, ending, next_url=turn.next_url)
        store.save(turn.tx, turn.row.id, turn=turn.number + 1, session=session.dump(), intent=None)
        store.keep_answer(turn.tx, turn.row.id, turn.number, twiml, self._clock.now())
        return twiml

    def _lease(
        self, tx: sa.Connection, row: CallRow, session: dict[str, Any], errand: Errand, verbs: list[str]
    ) -> _Errand:
        """Keeps the intent to run this errand; whoever holds its lease goes on with the answer. How long the
        caller waits already is kept too.
        """
        lease = self._ids.new("lease")
        until = self._clock.now() + timedelta(seconds=INTENT_LEASE_S)
        intent = {
            **(row.intent or {}),
            "errand": errands.dump(errand),
            "lease": lease,
            "until": until.isoformat(),
            "verbs": verbs,
        }
        store.save(tx, row.id, turn=row.turn, session=session, intent=intent)
        return _Errand(errand, lease, errands.Caller(row.call_sid, row.account_sid))

    def _repeat(self, tx: sa.Connection, row: CallRow, number: int) -> str | _Errand:
        """A webhook that is late, early, or a repeat of the one under way."""
        stored = store.answer(tx, row.id, number)
        if stored is not None:
            if number == row.turn - 1:  # the question that stands is asked again: keys count from here on
                store.answered_again(tx, row.id, number, self._clock.now())
            return stored
        if number > row.turn:
            log.warning("turn_from_the_future", call_id=row.id, turn=row.turn)
            return self._word(row, FIRST_REASSURANCE, SendTo(f"{turn_url(row.id, row.turn)}?{RETRIED}"))
        if not row.is_active:
            return self._renderer.document([], HangUp(), next_url="")
        if row.intent is not None and number == row.turn:
            if self._clock.now() < datetime.fromisoformat(row.intent["until"]):
                return self._wait_on(tx, row, row.intent)
            return self._take_over(tx, row, row.intent)
        raise RuntimeError(f"turn {number} of a call at turn {row.turn} has no answer")

    def _wait_on(self, tx: sa.Connection, row: CallRow, intent: Mapping[str, Any]) -> str:
        """Another webhook runs this turn's errand: the caller hears a word now, and one every nine seconds.
        Raises TimeoutError once that has lasted too long.
        """
        now = self._clock.now()
        since = datetime.fromisoformat(intent.get("waiting_since") or now.isoformat())
        if (now - since).total_seconds() >= ERRAND_WAIT_S_MAX:
            raise TimeoutError(f"the errand of turn {row.turn} is under way since {since}")
        told_at = intent.get("told_at")
        url = turn_url(row.id, row.turn)
        if told_at and (now - datetime.fromisoformat(told_at)).total_seconds() < REASSURE_EVERY_S - 1:
            return self._renderer.document([], Pause(), next_url=url)
        told = {"waiting_since": since.isoformat(), "told_at": now.isoformat()}
        store.save(tx, row.id, turn=row.turn, session=row.session, intent={**intent, **told})
        count = 1 + int((now - since).total_seconds() // REASSURE_EVERY_S)
        return self._word(row, reassurance(count), Pause())

    def _word(self, row: CallRow, prompt: str, ending: Ending) -> str:
        """A word for somebody who waits, before the carrier comes to this turn again."""
        session = row.session
        word = self._renderer.host(prompt, session["language"], slow=bool(session.get("slow")))
        return self._renderer.document(word, ending, next_url=turn_url(row.id, row.turn))

    def _take_over(self, tx: sa.Connection, row: CallRow, intent: Mapping[str, Any]) -> _Errand:
        """Whoever held the errand died: run it again, under the same ids."""
        log.warning("errand_taken_over", call_id=row.id, turn=row.turn)
        return self._lease(tx, row, row.session, errands.load(intent["errand"]), intent["verbs"])

    # Between two transactions -----------------------------------------------------------------------------

    def _finish(self, call_id: str, number: int, taken: str | _Errand) -> str:
        while isinstance(taken, _Errand):
            lease = taken.lease
            try:
                taken = self._run(call_id, number, taken)
            except Exception:
                self._let_go(call_id, lease)
                raise
        return taken

    def _run(self, call_id: str, number: int, taken: _Errand) -> str | _Errand:
        """The errand, and the turn as far as it goes with the answer."""
        answer = self._runner.run(taken.errand, taken.caller)
        with self._engine.begin() as tx:
            row = store.lock(tx, call_id)
            if row is None:
                raise UnknownCallError(call_id)
            if not row.is_active or row.intent is None or row.intent["lease"] != taken.lease:
                return self._repeat(tx, row, number)
            session = self._session(row)
            turn = self._turn(tx, replace(row, intent=None), number)
            fulfilled = self._host.settle(turn, session, self._wait(session), taken.errand, answer)
            return self._go_on(turn, fulfilled, list(row.intent["verbs"]))

    def _let_go(self, call_id: str, lease: str) -> None:
        """This process cannot finish the turn (a bug, or a step of the next release): whoever comes next need
        not wait for its lease to run out.
        """
        with self._engine.begin() as tx:
            row = store.lock(tx, call_id)
            if row is None or row.intent is None or row.intent["lease"] != lease:
                return
            intent = {**row.intent, "until": self._clock.now().isoformat()}
            store.save(tx, row.id, turn=row.turn, session=row.session, intent=intent)

    # Small things -----------------------------------------------------------------------------------------

    def _note(self, turn: Turn, progress: Progress) -> None:
        phone = customer.kept_under(turn.tx, turn.own) if progress.language_chosen else None
        if phone is not None:
            customer.remember_language(
                turn.tx, phone, progress.session.language, clock=self._clock, ids=self._ids
            )
        if progress.pace_chosen and turn.own_number is not None:
            customer.remember_pace(
                turn.tx, turn.own_number, slow=progress.session.slow, clock=self._clock, ids=self._ids
            )
        if progress.card_too_early:
            self._on_card_too_early()
            timeline.add(turn.tx, "card.too_early", at=self._clock.now(), call_id=turn.row.id)

    def _turn(self, tx: sa.Connection, row: CallRow, number: int) -> Turn:
        return Turn(tx, row, number, Caller.of(row.from_number or "", self._home_country))

    def _session(self, row: CallRow) -> Session:
        return Session.load(self._flow, row.session)

    def _wait(self, session: Session) -> object:
        return self._flow.step(session.step).run(session.state)
