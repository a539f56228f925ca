"""One world: a few bills, a few callers, one deployment, and what its seed lets go wrong; then it heals, and
the books are checked.

Everything happens in one thread, in an order that the seed alone decides. A world without violations is
clean; one with some tells them together with what happened.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import sqlalchemy as sa

from ivr.bills import store
from ivr.bills.bill import NewBill
from ivr.dependencies import Dependencies
from ivr.payments.history import Difference
from ivr.simulators.phone.engine import Call
from ivr.simulators.phone.pay import PayHabits
from ivr.web.api import keys as api_keys
from tests.simulation import bill_source_checks, checks, external_refund_checks, spoken_checks
from tests.simulation.bill_source import SAYS_AGAIN_AFTER_S_MAX, BillSource
from tests.simulation.callers import Plan, SimulatedCaller
from tests.simulation.carrier import Carrier, CarrierLine
from tests.simulation.chance import Chance
from tests.simulation.database import DatabaseFaults
from tests.simulation.deployment import INSIDE, Deployment, TaskPool
from tests.simulation.external_refunds import DashboardUser
from tests.simulation.incidents import Incidents
from tests.simulation.logbook import Logbook
from tests.simulation.manual_review import decide
from tests.simulation.network import Answer, Host, Network, Request, wsgi
from tests.simulation.payers import Payers, Texts
from tests.simulation.played_world import PlayedWorld
from tests.simulation.processes import Process, Processes
from tests.simulation.queue import SimulatedQueue
from tests.simulation.refunds import RefundProgram
from tests.simulation.scenario import bills, by_link, plans
from tests.simulation.scheduler import Scheduler, SimulatedClock
from tests.simulation.simulated_gateway import Surroundings, Truth
from tests.simulation.trace import Trace
from tests.simulation.unheard_keys import Hearing, unheard
from tests.simulation.webhook_posts import WebhookPoster
from tests.support.phone import REACTION_S, WEB, call_settings
from tests.support.time_and_ids import SequentialIds

LAST_WORDS_S = 3600.0
"""By then every caller has put the phone down."""
HEALING_S = (150, 200, 1000, 5 * 3600)
"""The sweeps run after each of these waits."""
DAY_S = 25 * 3600


class World:
    """Plays once."""

    def __init__(self, deployment: Deployment, seed: str, number: int, **rates: float) -> None:
        self.deployment, self.seed, self.number = deployment, seed, number
        self.scheduler = Scheduler()
        self.clock = SimulatedClock(self.scheduler)
        self.ids = SequentialIds()
        self.trace = Trace(lambda: self.scheduler.now_s)
        self.chance = Chance(f"{seed}/{number}/{deployment.name}", **rates)
        self.processes = Processes(self.scheduler, self.chance, self.trace)
        self.queue = SimulatedQueue(self.scheduler, self.chance, self.processes, self.trace)
        self.network = Network(self.scheduler, self.chance, self.processes, self.trace)
        self.faults = DatabaseFaults(self.scheduler, self.chance, self.processes, self.trace)
        self.logbook = Logbook(two_gateways=len(deployment.banks) > 1)
        self.messenger = WebhookPoster(self.scheduler, self.chance, self.network, deployment.bank)
        self.incidents = Incidents(self.scheduler, self.chance, self.processes, self.trace, self.faults)
        engine = deployment.web_database.engine
        self.payers = Payers(
            self.scheduler, self.chance, self.network, self.trace, deployment.bank, engine, self._gateway_did
        )
        self.source = BillSource(
            self.scheduler, self.clock, self.chance.apart("source"), self.network, self.trace, engine
        )
        self.clerk = DashboardUser(
            self.scheduler,
            self.clock,
            self.chance.apart("clerk"),
            self.trace,
            deployment.bank,
            self.messenger.hear,
            self.chance.rates.by_hand,
        )
        self.texts = Texts(self.payers.texted)
        self.written: list[tuple[str, str]] = []
        self.violations: list[str] = []
        self.callers: list[SimulatedCaller] = []
        self.under_way = 0
        self._gateway_was_away = False
        self._asked: set[str] = set()
        self._on: Dependencies

    def play(self) -> PlayedWorld:
        """From the first ring to the checked books."""
        deployment = self.deployment
        deployment.web_database.faults = deployment.pci_database.faults = None
        deployment.empty()
        deployment.bank.begin(Surroundings(self.clock, self.scheduler, self.chance, self._gateway_did))
        self._on = deployment.dependencies(self.clock, self.ids, self.queue)
        with self.network.installed(), self.logbook.kept(), self.source.overheard():
            self._connect()
            api_key = self._furnish()
            deployment.web_database.faults = deployment.pci_database.faults = self.faults
            try:
                self._live(api_key)
                self._heal()
            finally:
                deployment.web_database.faults = deployment.pci_database.faults = None
        truth = deployment.bank.truth()
        tables = checks.Tables.read(deployment)
        self.violations += self._checked(tables, truth)
        return PlayedWorld(
            self.seed,
            self.number,
            deployment.name,
            self.violations,
            self.trace,
            len(self.callers),
            len(truth.taken),
            self.payers.paid,
            len(tables.saved_cards),
            len(tables.attempts),
            sum(len(words) - 1 for words in self.source.taken.values()),
            Counter(move.event for move in tables.moves if move.event in {*Difference}),
        )

    def _checked(self, tables: checks.Tables, truth: Truth) -> Iterator[str]:
        texts = self.texts.getvalue()
        yield from checks.money(tables, truth)
        yield from bill_source_checks.said(tables, self.source)
        yield from external_refund_checks.given_back(
            tables, truth, self.clerk.done_at, was_away=self._gateway_was_away
        )
        yield from checks.confirmations(tables, truth, self.deployment.config.line.merchant_name, texts)
        yield from spoken_checks.words(tables, truth, self.callers)
        yield from spoken_checks.promised_texts(tables, self.callers, texts)
        yield from checks.card_tokens(self.deployment)
        yield from checks.saved_cards(tables, truth, self.callers)
        hearings = {f"CA{number:032x}": one.hearing for number, one in enumerate(self.callers, start=1)}
        yield from unheard(tables.attempts, {call.id: hearings[call.call_sid] for call in tables.calls})
        logged = [("the log", repr(line)) for line in self.logbook.lines]
        asked = [("the queue", str(piece)) for piece in self.queue.known]
        yield from checks.cards(self.deployment, [*self.written, *logged, *asked, ("a text", texts)])
        yield from self.payers.violations
        yield from self.logbook.bugs
        yield from (f"the gateway does not understand {each}" for each in self.deployment.bank.complaints())
        for caller in self.callers:
            yield from (f"the carrier could not run {each}" for each in caller.faults if each.code >= 11206)

    # What is there ------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        """Who listens under which name."""
        chance, deployment = self.chance, self.deployment
        for bank in deployment.banks:
            self.network.hosts[bank.host] = Host(
                find=lambda bank=bank: None if self.incidents.bank_away else (None, bank.receiver()),
                rate=lambda path, bank=bank: chance.rates.gateway / (1 if bank.is_money(path) else 4),
                seen=self._asked_of_the_bank,
                done=self._gateway_did,
            )
        self.network.hosts[INSIDE] = Host(
            find=lambda: self._receiver("pci"), rate=lambda _path: chance.rates.internal, late_s_max=40.0
        )
        self.network.hosts[WEB.removeprefix("https://")] = Host(
            find=lambda: self._receiver("web"), rate=lambda _path: chance.rates.internal
        )

    def _receiver(self, kind: str) -> tuple[Process, object] | None:
        process = self.processes.one(kind)
        return None if process is None else (process, wsgi(process.app))

    def _asked_of_the_bank(self, request: Request) -> None:
        name = self.deployment.bank.once_only(request)
        if name is None:
            return
        if name in self._asked:
            self.violations.append(f"the gateway was asked twice: {name}")
        self._asked.add(name)

    def _gateway_did(self) -> None:
        """It has news, and shows it in its dashboard."""
        self.messenger.hear()
        self.clerk.look()

    def _furnish(self) -> str:
        """The processes, and the key of the merchant's programs."""
        deployment = self.deployment
        with deployment.web_database.engine.begin() as tx:
            _, token = api_keys.make(tx, "merchant", clock=self.clock, ids=self.ids)
        for _ in range(self.chance.whole(1, 2)):
            self.processes.add("web", lambda: deployment.web(self._on))
        for _ in range(0 if deployment.config.carrier_takes_cards else self.chance.whole(1, 2)):
            self._add_pci()
        for _ in range(self.chance.whole(1, 2)):
            self.processes.add("worker", lambda: deployment.worker(self._on, self.texts))
        self.carrier = Carrier(
            self.scheduler, self.chance, self.processes, self.trace, deployment.origins, self._keep_answer
        )
        return token.reveal()

    def _add_pci(self) -> None:
        place = len(self.processes.slots.get("pci", []))

        def compose() -> object:
            slot = self.processes.slots["pci"][place]

            def begin(body: object) -> object:
                assert slot.process is not None
                return self.processes.begin(slot.process, "card", body)

            return self.deployment.pci(self.clock, self.ids, TaskPool(begin))

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
        approval = self.deployment.bank.approval
        for drawn in plans(self.chance, due, approval):
            plan = by_link(drawn, due, approval) if self.source.prefers_links() else drawn
            self._call_in(plan, plan.rings_at_s, redials=2)
        self.scheduler.spawn("sweeps", self._sweep_on)
        program = RefundProgram(
            self.scheduler,
            self.chance,
            self.network,
            self.trace,
            self.deployment.web_database.engine,
            self.ids,
            api_key,
        )
        for _ in range(self.chance.whole(0, 3)):
            program.ask_in(self.chance.seconds(15.0, 240.0))
        self.source.speak(due, api_key)
        self.incidents.happen()
        if len(self.deployment.banks) > 1:
            changes = self.chance.apart("gateways")
            for _ in range(changes.whole(1, 2)):
                self.scheduler.spawn("merchant", self._switch_gateways, delay_s=changes.seconds(5.0, 120.0))
        self.scheduler.run(until=lambda: self.under_way == 0, until_s=LAST_WORDS_S)
        if self.under_way:
            self.violations.append(f"{self.under_way} callers never get off the line")

    def _bill(self, new: NewBill) -> None:
        with self.deployment.web_database.engine.begin() as tx:
            store.upsert(tx, new, source="cli", clock=self.clock, ids=self.ids)
        self.trace("world", f"bill {new.reference} of {new.billed_minor}, {new.minimum_minor} at least")

    def _call_in(self, plan: Plan, delay_s: float, redials: int) -> None:
        self.under_way += 1
        self.scheduler.spawn(plan.name, lambda: self._call(plan, redials), delay_s=delay_s)

    def _call(self, plan: Plan, redials: int) -> None:
        haste = self.chance.apart(f"haste/{len(self.callers)}")
        keeps_keys = haste.strikes(0.5)
        line = CarrierLine(self.carrier, plan.name, haste)
        caller = SimulatedCaller(plan, self.chance, self.scheduler, line, Hearing(keeps_keys))
        self.callers.append(caller)
        settings = call_settings(
            f"CA{len(self.callers):032x}",
            from_number=plan.number,
            to_number=plan.called,
            reaction_s=REACTION_S,
            keeps_keys=keeps_keys,
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
        installed, chance = self.deployment.habits, self.chance
        if not installed.connectors:
            return installed
        trouble = "internal-error" if chance.strikes(chance.rates.carrier / 4) else None
        return replace(installed, result_after_attempts=chance.strikes(0.5), trouble=trouble)

    def _switch_gateways(self) -> None:
        """The merchant names the other gateway in the settings, and starts every process anew."""
        self.deployment.switch_gateways()
        self._on = self.deployment.dependencies(self.clock, self.ids, self.queue)
        self.trace("world", f"the gateway is {self.deployment.bank.name} from now on")
        for process in [one for kind in self.processes.slots for one in self.processes.living(kind)]:
            self.processes.kill(process, "to change the gateway")

    def _sweep_on(self) -> None:
        """What workers and PCI processes do every now and then."""
        while not self.chance.healed:
            self.scheduler.sleep(45.0)
            self._sweep()

    def _sweep(self) -> None:
        """One of each kind: any number may sweep at once, and one is enough."""
        self.violations += checks.card_tokens(self.deployment)
        worker, pci = self.processes.one("worker"), self.processes.one("pci")
        if worker is not None:
            self.processes.begin(worker, "sweep", _at_rates(self._on.payments.sweep))
        if pci is not None:
            self.processes.begin(pci, "sweep", _at_rates(pci.parts.pci_parts.sweeper.sweep))

    # And how it ends ----------------------------------------------------------------------------------------

    def _heal(self) -> None:
        """Nothing goes wrong any more; what the gateway does not tell for a day, a person does."""
        away = self._gateway_was_away = self.chance.strikes(0.01)
        self.trace("world", "heals")
        self.chance.heal()
        self.processes.heal()
        self.faults.away, self.incidents.bank_away = False, away
        self._settle(away=away)
        if len(self.deployment.banks) > 1:  # what was begun at the other gateway waits for it
            self._switch_gateways()
            self.processes.heal()
            self._settle(away=away)
        # the source may be waiting for what was decided only now
        self._pass(SAYS_AGAIN_AFTER_S_MAX + 60 if self.source.waiting else 60)

    def _settle(self, *, away: bool) -> None:
        """Until the live gateway has said all that it can, and a person the rest."""
        self._recover()
        if not away and not self.deployment.bank.repeats_a_fault_for:
            return
        self.trace("world", "a day passes" + (", and the gateway is away" if away else ""))
        self._pass(DAY_S)
        self.incidents.bank_away = False
        whatever = away or len(self.deployment.banks) > 1
        self._decide(whatever=whatever)
        # the last look, behind which a person is asked, may come a little later than the day
        self._recover(then=lambda: self._decide(whatever=whatever))

    def _recover(self, then: Callable[[], object] = lambda: None) -> None:
        """Time passes, and whoever sweeps does: from the next pause on, its work is to be seen."""
        swept_at = None
        for wait_s in HEALING_S:
            self._pass(wait_s)
            if swept_at is not None:
                engine, words = self.deployment.web_database.engine, self.source.taken
                self.violations += bill_source_checks.links_left_open(engine, words, swept_at)
            swept_at = self.clock.now()
            self._sweep()
            then()

    def _pass(self, duration_s: float) -> None:
        self.scheduler.run(until_s=self.scheduler.now_s + duration_s)

    def _decide(self, *, whatever: bool) -> None:
        said = decide(
            self.deployment.web_database.engine, self._on.payments, self.deployment.bank, whatever=whatever
        )
        self.violations += said


def _at_rates(sweep: object) -> object:
    """A sweep at its thread's edge: a database that is away for a moment does not end it."""

    def run() -> None:
        with suppress(sa.exc.OperationalError):
            sweep()

    return run
