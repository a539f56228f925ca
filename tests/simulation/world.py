"""One world: a few bills, a few callers, one house, and what its seed lets go wrong; then it heals, and the
books are checked.

May import its own folder and what the house is composed of. Everything happens in one thread, in an order
that the seed alone decides. A world without violations is clean; one with some tells them together with what
happened.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

import orjson
import sqlalchemy as sa

from ivr.api import keys as api_keys
from ivr.bills import store
from ivr.bills.bill import NewBill
from ivr.ids import SequentialIds
from ivr.payments.states import State
from ivr.phone.engine import Call
from ivr.phone.pay import PayHabits
from ivr.storage import schema
from ivr.storage.engine import reading
from tests.simulation import books
from tests.simulation.bank import News, Surroundings
from tests.simulation.callers import Plan, SimulatedCaller
from tests.simulation.carrier import Carrier, CarrierLine
from tests.simulation.chance import Chance
from tests.simulation.crowd import bills, plans
from tests.simulation.database import Spell
from tests.simulation.house import INSIDE, House, TaskPool
from tests.simulation.logbook import Logbook
from tests.simulation.network import Answer, Host, Network, Request, wsgi
from tests.simulation.payers import Payers, Texts
from tests.simulation.person import decide
from tests.simulation.processes import Process, Processes
from tests.simulation.queue import SimulatedQueue
from tests.simulation.scheduler import Scheduler, SimulatedClock
from tests.simulation.trace import Trace
from tests.support.phone import REACTION_S, WEB, call_settings

LAST_WORDS_S = 3600.0
"""By then every caller has put the phone down."""
HEALING_S = (150, 200, 1000, 5 * 3600)
"""The sweeps run after each of these waits."""
DAY_S = 25 * 3600


@dataclass
class Played:
    """What came of a world."""

    seed: str
    number: int
    house: str
    violations: list[str]
    trace: Trace
    calls: int
    charges: int
    links: int
    """Payments by link."""
    cards: int
    """Cards that somebody agreed to have kept."""
    attempts: int

    def told(self) -> str:
        """The violations, how to play it again, and what happened."""
        again = f"--seed {self.seed} --first {self.number} --worlds 1 --house {self.house}"
        return "\n".join(
            [
                *(f"VIOLATION: {each}" for each in self.violations),
                f"world {self.number} of seed {self.seed}, {self.house}; to play it again:",
                f"  python -m tests.simulation {again}",
                "what happened:",
                self.trace.told(),
            ]
        )


class World:
    """Plays once."""

    def __init__(self, house: House, seed: str, number: int, **weather: float) -> None:
        self.house, self.seed, self.number = house, seed, number
        self.scheduler = Scheduler()
        self.clock = SimulatedClock(self.scheduler)
        self.ids = SequentialIds()
        self.trace = Trace(lambda: self.scheduler.now_s)
        self.chance = Chance(f"{seed}/{number}/{house.name}", **weather)
        self.processes = Processes(self.scheduler, self.chance, self.trace)
        self.queue = SimulatedQueue(self.scheduler, self.chance, self.processes, self.trace)
        self.network = Network(self.scheduler, self.chance, self.processes, self.trace)
        self.spell = Spell(self.scheduler, self.chance, self.processes, self.trace)
        self.logbook = Logbook()
        self.payers = Payers(
            self.scheduler,
            self.chance,
            self.network,
            self.trace,
            house.bank,
            house.web_database.engine,
            self._hear_news,
        )
        self.texts = Texts(self.payers.texted)
        self.written: list[tuple[str, str]] = []
        self.violations: list[str] = []
        self.callers: list[SimulatedCaller] = []
        self.under_way = 0
        self.bank_away = False
        self._asked: set[str] = set()
        self._on = house.ground(self.clock, self.ids, self.queue)

    def play(self) -> Played:
        """From the first ring to the checked books."""
        house = self.house
        house.web_database.spell = house.pci_database.spell = None
        house.empty()
        house.bank.begin(Surroundings(self.clock, self.scheduler, self.chance, self._hear_news))
        with self.network.installed(), self.logbook.kept():
            self._connect()
            api_key = self._furnish()
            house.web_database.spell = house.pci_database.spell = self.spell
            try:
                self._live(api_key)
                self._heal()
            finally:
                house.web_database.spell = house.pci_database.spell = None
        truth = house.bank.truth()
        tables = books.Tables.read(house)
        self.violations += self._checked(tables, truth)
        return Played(
            self.seed,
            self.number,
            house.name,
            self.violations,
            self.trace,
            len(self.callers),
            len(truth.taken),
            self.payers.paid,
            len(tables.saved_cards),
            len(tables.attempts),
        )

    def _checked(self, tables: books.Tables, truth: books.Truth) -> Iterator[str]:
        texts = self.texts.getvalue()
        yield from books.money(tables, truth)
        yield from books.confirmations(tables, truth, self.house.config.merchant_name, texts)
        yield from books.words(tables, truth, self.callers)
        yield from books.saved_cards(tables, truth, self.callers)
        logged = [("the log", repr(line)) for line in self.logbook.lines]
        asked = [("the queue", str(piece)) for piece in self.queue.known]
        yield from books.cards(self.house, [*self.written, *logged, *asked, ("a text", texts)])
        yield from self.payers.violations
        yield from self.logbook.bugs
        yield from (f"the gateway does not understand {each}" for each in self.house.bank.complaints())
        for caller in self.callers:
            yield from (f"the carrier could not run {each}" for each in caller.faults if each.code >= 11206)

    # What is there ------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        """Who listens under which name."""
        chance, house = self.chance, self.house
        receive = house.bank.receiver()
        self.network.hosts[house.bank.host] = Host(
            find=lambda: None if self.bank_away else (None, receive),
            rate=lambda path: chance.weather.gateway / (1 if house.bank.is_money(path) else 4),
            seen=self._asked_of_the_bank,
            done=self._hear_news,
        )
        self.network.hosts[INSIDE] = Host(
            find=lambda: self._receiver("pci"), rate=lambda _path: chance.weather.inside, late_s_max=40.0
        )
        self.network.hosts[WEB.removeprefix("https://")] = Host(
            find=lambda: self._receiver("web"), rate=lambda _path: chance.weather.inside
        )

    def _receiver(self, kind: str) -> tuple[Process, object] | None:
        process = self.processes.one(kind)
        return None if process is None else (process, wsgi(process.app))

    def _asked_of_the_bank(self, request: Request) -> None:
        name = self.house.bank.once_only(request)
        if name is None:
            return
        if name in self._asked:
            self.violations.append(f"the gateway was asked twice: {name}")
        self._asked.add(name)

    def _hear_news(self) -> None:
        """The gateway tells what it did: before its own answer, late, twice, in any order."""
        chance = self.chance
        for news in self.house.bank.news():
            delay_s = chance.one_of([0.0, 0.5, 5.0, 60.0, 400.0]) if not chance.healed else 1.0
            self.scheduler.spawn("news", lambda news=news: self._bring(news), delay_s=delay_s)
            if chance.strikes(chance.weather.gateway):
                later_s = chance.seconds(0.0, 300.0)
                self.scheduler.spawn("news", lambda news=news: self._bring(news), delay_s=later_s)

    def _bring(self, news: News) -> None:
        """Until somebody has taken it, or the gateway loses patience."""
        url = f"{WEB}/gateways/{self.house.bank.name}/webhook"
        for wait_s in (20.0, 60.0, 300.0, 1800.0):
            answer = self.network.exchange(Request("POST", url, *news.posted()), 10.0)
            if answer is not None and 200 <= answer.status < 300:
                return
            self.scheduler.sleep(wait_s)

    def _furnish(self) -> str:
        """The processes, and the key of a program that asks for refunds."""
        house, on = self.house, self._on
        with house.web_database.engine.begin() as tx:
            _, token = api_keys.make(tx, "refunds", clock=self.clock, ids=self.ids)
        for _ in range(self.chance.whole(1, 2)):
            self.processes.add("web", lambda: house.web(on))
        for _ in range(0 if house.config.carrier_takes_cards else self.chance.whole(1, 2)):
            self._add_pci()
        for _ in range(self.chance.whole(1, 2)):
            self.processes.add("worker", lambda: house.worker(on, self.texts))
        self.carrier = Carrier(
            self.scheduler, self.chance, self.processes, self.trace, house.origins, self._keep_answer
        )
        return token.reveal()

    def _add_pci(self) -> None:
        place = len(self.processes.slots.get("pci", []))

        def compose() -> object:
            slot = self.processes.slots["pci"][place]

            def begin(body: object) -> object:
                assert slot.process is not None
                return self.processes.begin(slot.process, "card", body)

            return self.house.pci(self.clock, self.ids, TaskPool(begin))

        self.processes.add("pci", compose)

    def _keep_answer(self, url: str, answer: Answer) -> None:
        self.written.append((f"a URL {url}", url))
        self.written.append((f"the answer to {url}", answer.body.decode("utf-8", "replace")))

    # What happens -------------------------------------------------------------------------------------------

    def _live(self, api_key: str) -> None:
        """Callers call, things go wrong, until nobody is on the line any more."""
        due = bills(self.chance)
        for new in due:
            self._bill(new)
        for plan in plans(self.chance, due, self.house.bank.approval):
            self._call_in(plan, plan.rings_at_s, redials=2)
        self.scheduler.spawn("sweeps", self._sweep_on)
        for _ in range(self.chance.whole(0, 3)):
            self._refund_in(api_key, self.chance.seconds(15.0, 240.0))
        self._trouble()
        self.scheduler.run(until=lambda: self.under_way == 0, until_s=LAST_WORDS_S)
        if self.under_way:
            self.violations.append(f"{self.under_way} callers never get off the line")

    def _bill(self, new: NewBill) -> None:
        with self.house.web_database.engine.begin() as tx:
            store.upsert(tx, new, source="cli", clock=self.clock, ids=self.ids)
        self.trace("world", f"bill {new.reference} of {new.billed_minor}, {new.minimum_minor} at least")

    def _call_in(self, plan: Plan, delay_s: float, redials: int) -> None:
        self.under_way += 1
        self.scheduler.spawn(plan.name, lambda: self._call(plan, redials), delay_s=delay_s)

    def _call(self, plan: Plan, redials: int) -> None:
        line = CarrierLine(self.carrier, plan.name)
        caller = SimulatedCaller(plan, self.chance, self.scheduler, line)
        self.callers.append(caller)
        settings = call_settings(
            f"CA{len(self.callers):032x}",
            from_number=plan.number,
            to_number=plan.called,
            reaction_s=REACTION_S,
        )
        self.trace(plan.name, f"rings from {plan.number} about {plan.reference}")
        ended = Call(
            settings, caller=caller, transport=line, clock=self.clock, listener=caller, habits=self._habits()
        ).run()
        last = caller.heard[-1].prompt if caller.heard else ""
        self.trace(plan.name, f"{ended.reason}; heard last: {last}")
        content = any(each.prompt.startswith(("receipt", "promise", "bill.already")) for each in caller.heard)
        if redials and self.chance.strikes(0.1 if content else 0.35):
            self._call_in(plan, self.chance.seconds(1.0, 90.0), redials - 1)
        self.under_way -= 1

    def _habits(self) -> PayHabits:
        """How this carrier's Pay goes today: its pages disagree, and it may have trouble of its own."""
        installed, chance = self.house.habits, self.chance
        if not installed.connectors:
            return installed
        trouble = "internal-error" if chance.strikes(chance.weather.carrier / 4) else None
        return replace(installed, result_after_attempts=chance.strikes(0.5), trouble=trouble)

    def _refund_in(self, api_key: str, delay_s: float) -> None:
        self.scheduler.spawn("refund", lambda: self._refund(api_key), delay_s=delay_s)

    def _refund(self, api_key: str) -> None:
        """A program gives a payment back, in whole or in part, and asks again under one key until it is
        heard.
        """
        with reading(self.house.web_database.engine) as tx:
            paid = tx.execute(
                sa.select(schema.attempt.c.id, schema.attempt.c.amount_minor)
                .where(schema.attempt.c.state == State.APPROVED)
                .order_by(schema.attempt.c.reference)
            ).all()
        if not paid:
            return
        one = self.chance.one_of(paid)
        whole = self.chance.strikes(0.5)
        body = orjson.dumps({} if whole else {"amount_minor": self.chance.whole(1, one.amount_minor)})
        headers = {
            "Authorization": f"Bearer {api_key}",
            "Content-Type": "application/json",
            "Idempotency-Key": f"refund-{self.ids.new('wish')}",
        }
        self.trace("refund", f"of {one.id}")
        for _ in range(5):
            asked = Request("POST", f"{WEB}/api/v1/payments/{one.id}/refunds", headers, body)
            answer = self.network.exchange(asked, 10.0)
            if answer is not None and 200 <= answer.status < 500 and answer.body.startswith(b"{"):
                return
            self.scheduler.sleep(self.chance.seconds(1.0, 20.0))

    def _sweep_on(self) -> None:
        """What workers and PCI processes do every now and then."""
        while not self.chance.healed:
            self.scheduler.sleep(45.0)
            self._sweep()

    def _sweep(self) -> None:
        """One of each kind: any number may sweep at once, and one is enough."""
        worker, pci = self.processes.one("worker"), self.processes.one("pci")
        if worker is not None:
            self.processes.begin(worker, "sweep", _weathered(self._on.cashier.sweep))
        if pci is not None:
            self.processes.begin(pci, "sweep", _weathered(pci.inside.room.sweeper.sweep))

    def _trouble(self) -> None:
        """Spells of trouble at moments of their own: the database or the gateway is away, a process dies."""
        chance, weather = self.chance, self.chance.weather
        if chance.strikes(0.15) and weather.database:
            self._spell(chance.seconds(0, 150), chance.seconds(1, 25), "away", self.spell)
        if chance.strikes(0.2) and weather.gateway:
            self._spell(chance.seconds(0, 150), chance.one_of([5.0, 40.0, 200.0]), "bank_away", self)
        for _ in range(chance.whole(0, 4) if weather.kills else 0):
            kind = chance.one_of(["web", "pci", "worker"])
            self.scheduler.spawn(
                "fate", lambda kind=kind: self._strike_down(kind), delay_s=chance.seconds(0, 200)
            )

    def _spell(self, begins_s: float, lasts_s: float, name: str, of: object) -> None:
        def begin() -> None:
            self.trace("world", f"{name} begins")
            setattr(of, name, True)
            self.scheduler.sleep(lasts_s)
            setattr(of, name, False)
            self.trace("world", f"{name} is over")

        self.scheduler.spawn(name, begin, delay_s=begins_s)

    def _strike_down(self, kind: str) -> None:
        process = None if self.chance.healed else self.processes.one(kind)
        if process is not None:
            self.processes.kill(process, "at a moment of its own")

    # And how it ends ----------------------------------------------------------------------------------------

    def _heal(self) -> None:
        """Nothing goes wrong any more; what the gateway does not tell for a day, a person does."""
        away = self.chance.strikes(0.01)
        self.trace("world", "heals")
        self.chance.heal()
        self.processes.heal()
        self.spell.away, self.bank_away = False, away
        self._recover()
        if away or self.house.bank.repeats_a_fault_for:
            self.trace("world", "a day passes" + (", and the gateway is away" if away else ""))
            self._pass(DAY_S)
            self.bank_away = False
            self._decide(whatever=away)
            # the last look, behind which a person is asked, may come a little later than the day
            self._recover(then=lambda: self._decide(whatever=away))
        self._pass(60)

    def _recover(self, then: Callable[[], object] = lambda: None) -> None:
        """Time passes, and whoever sweeps does."""
        for wait_s in HEALING_S:
            self._pass(wait_s)
            self._sweep()
            then()

    def _pass(self, duration_s: float) -> None:
        self.scheduler.run(until_s=self.scheduler.now_s + duration_s)

    def _decide(self, *, whatever: bool) -> None:
        said = decide(self.house.web_database.engine, self._on.cashier, self.house.bank, whatever=whatever)
        self.violations += said


def _weathered(sweep: object) -> object:
    """A sweep at its thread's edge: a database that is away for a moment does not end it."""

    def run() -> None:
        with suppress(sa.exc.OperationalError):
            sweep()

    return run
