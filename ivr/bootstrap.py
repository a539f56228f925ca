"""The composition root: makes the web application and the worker out of the settings. Nothing but the command
line imports it.

May import everything but `ivr.pci` and `ivr.phone`. Each process makes its engine here, after the web server
has forked. The PCI process has a composition of its own, `ivr.pci.process`.
"""

import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import flask
import sqlalchemy as sa
import structlog
from werkzeug.exceptions import HTTPException

from flows.language import Flow, Prompts, Recorded, Recordings, Say, Words, host_prompts, speak
from flows.pay_bill.flow import flow as pay_bill
from gateways import registry
from gateways.contract import Gateway
from ivr import config as configuration
from ivr import logs
from ivr.api import blueprint as api
from ivr.bills.lookup import MerchantLookup
from ivr.calls.attempt_waits import AttemptMaker, AttemptWaits
from ivr.calls.bill_waits import BillWaits
from ivr.calls.card_guard import CardGuard
from ivr.calls.card_waits import CardWaits
from ivr.calls.errands import Runner
from ivr.calls.greeting import Greeting
from ivr.calls.hang_up import CallEnder
from ivr.calls.host import Host
from ivr.calls.link_waits import LinkWaits
from ivr.calls.pay_progress import PayProgress
from ivr.calls.retention import forget_turns
from ivr.calls.saved_card_waits import SavedCardWaits
from ivr.calls.turns import Turns
from ivr.channels import webhooks as message_webhooks
from ivr.channels.console import Console
from ivr.channels.port import Channel
from ivr.channels.sender import Sender
from ivr.channels.sms import Sms
from ivr.clock import Clock, SystemClock
from ivr.config import Config
from ivr.consequences import HouseConsequences
from ivr.customers.guesses import Guesses, forget_guesses
from ivr.defences.caps import Caps
from ivr.defences.guard import Guard, forget_tries
from ivr.defences.office import Office
from ivr.defences.reports import Reporter
from ivr.ids import Ids, RandomIds
from ivr.links import pages as link_pages
from ivr.merchant.outcomes import Deliverer
from ivr.ops import health
from ivr.ops.metrics import Books, Metrics
from ivr.payments import webhooks as gateway_webhooks
from ivr.payments.cashier import Cashier, Handler
from ivr.payments.pay_link import LinkTerms
from ivr.pci_client import PciClient
from ivr.storage.engine import make_engine
from ivr.voice.pay.verb import PayOptions, PayVerb, pay_prompts
from ivr.voice.render import Renderer
from ivr.voice.trouble import Trouble
from ivr.voice.twiml import Voice
from ivr.voice.webhooks import Carrier, VoiceDoor
from ivr.work.jobs import (
    CHECK_CONFIRMATION,
    DELIVER_OUTCOME,
    END_SILENT_CALL,
    REPORT_CARD_OUTCOME,
    SEND_CONFIRMATION,
    Job,
    Work,
)
from ivr.wsgi import strip_environment

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Ground:
    """What both processes stand on. A test makes its own, with a clock and ids that it controls."""

    config: Config
    engine: sa.Engine
    work: Work
    gateway: Gateway
    clock: Clock
    ids: Ids

    @property
    def guard(self) -> Guard:
        return Guard(Caps.from_settings(self.config.defences), self.work, self.clock, self.ids)

    @property
    def pci(self) -> PciClient | None:
        """The way to the PCI process; None where the carrier takes the cards."""
        config = self.config
        if config.carrier_takes_cards:
            return None
        return PciClient(config.pci_internal_url, config.internal_secrets, clock=self.clock, ids=self.ids)

    @property
    def cashier(self) -> Cashier:
        consequences = HouseConsequences(
            work=self.work,
            clock=self.clock,
            ids=self.ids,
            guard=self.guard,
            merchant_name=self.config.merchant_name,
            channel=self.config.channel,
            tells_merchant=bool(self.config.outcome_url),
            dashboard_url=self.gateway.dashboard_url,
        )
        return Cashier(
            engine=self.engine,
            gateway=self.gateway,
            work=self.work,
            clock=self.clock,
            ids=self.ids,
            consequences=consequences,
            links=LinkTerms(self.config.public_url, self.config.link_expires_min),
        )


def ground(config: Config, *, pool_size: int = 16) -> Ground:
    """The real one: the machine's clock, random ids, the database and the gateway of the settings."""
    from ivr.work.enqueue import DurableWork

    engine = make_engine(config.database_url, pool_size=pool_size)
    gateway = registry.adapter(config.gateway, config.gateway_settings)
    return Ground(config, engine, DurableWork(engine), gateway, SystemClock(), RandomIds())


# The web process --------------------------------------------------------------------------------------------


def web_app(environ: Mapping[str, str]) -> "WSGIApplication":
    """The web process's application, as the web server's workers load it."""
    config = configuration.load(environ)
    logs.configure(config.log_level, "web")
    return strip_environment(make_web(ground(config)), environ.keys())


def make_web(on: Ground) -> flask.Flask:
    """The application on a given ground: every door of the web process."""
    config = on.config
    app = flask.Flask("paybycall", static_folder=None, template_folder=None)
    app.debug = False  # whatever FLASK_DEBUG says: in debug, faults pass our handlers and our log's masks
    app.before_request(structlog.contextvars.clear_contextvars)
    metrics = Metrics(
        Books(
            on.engine,
            on.clock,
            lambda: _work_counts(on.engine),
            {on.gateway.name: on.gateway.capabilities.decline_codes},
        ),
        shared_dir=config.metrics_dir,
    )
    metrics.watch(app, on.clock)
    app.register_blueprint(_voice_door(on, metrics).blueprint())
    app.register_blueprint(
        message_webhooks.make_blueprint(
            on.engine,
            clock=on.clock,
            public_url=config.public_url,
            tokens=config.twilio_auth_tokens,
            account_sid=config.twilio_account_sid,
        )
    )
    app.register_blueprint(gateway_webhooks.make_blueprint(on.gateway, on.cashier.notices))
    app.register_blueprint(
        link_pages.make_blueprint(on.engine, clock=on.clock, merchant_name=config.merchant_name)
    )
    app.register_blueprint(
        api.blueprint(
            on.engine,
            till=on.cashier,
            office=Office(on.engine, on.pci, on.clock),
            home_country=config.home_country,
            clock=on.clock,
            ids=on.ids,
        )
    )
    app.register_blueprint(health.make_blueprint(on.engine, metrics, metrics_token=config.metrics_token))
    app.register_error_handler(HTTPException, _plain)
    return app


def _work_counts(engine: sa.Engine) -> Mapping[str, int]:
    from ivr.work.backlog import backlog, failed_jobs

    return {**backlog(engine), "failed": len(failed_jobs(engine))}


def _plain(fault: HTTPException) -> tuple[str, int, dict[str, str]]:
    """A refusal in one plain sentence that repeats nothing of the request."""
    return f"{fault.description}\n", fault.code or 500, {"Content-Type": "text/plain; charset=utf-8"}


def _voice_door(on: Ground, metrics: Metrics, flow: Flow[Any] = pay_bill) -> VoiceDoor:
    config = on.config
    cashier = on.cashier
    attempts = cashier.attempts
    guard = CardGuard(on.guard)
    maker = AttemptMaker(attempts, guard)
    card_entry = on.gateway.capabilities.card_entry
    runner = Runner(
        on.pci,
        _lookup(on),
        config.public_url,
        postal_code=on.gateway.capabilities.postal_code,
    )
    saved_cards = SavedCardWaits(
        cards=cashier.saved_cards,
        attempts=attempts,
        gateway=on.gateway.name,
        wording=_wording(config, flow),
        flow=flow.name,
        release=version("paybycall"),
        clock=on.clock,
    )
    host = Host(
        bills=BillWaits(
            guesses=Guesses(config.guesses_max, config.guesses_max_withheld),
            asks_merchant=runner.asks_merchant,
            clock=on.clock,
            ids=on.ids,
        ),
        cards=CardWaits(
            attempts=attempts,
            maker=maker,
            guard=guard,
            card_entry=card_entry,
            currencies=on.gateway.capabilities.currencies,
            by_carrier=config.carrier_takes_cards,
        ),
        saved_cards=saved_cards,
        charges=AttemptWaits(
            attempts=attempts, maker=maker, guard=guard, saved_cards=saved_cards, clock=on.clock
        ),
        links=LinkWaits(attempts=attempts, maker=maker, clock=on.clock),
        person_number=config.person_number,
    )
    ender = CallEnder(engine=on.engine, attempts=attempts, work=on.work, clock=on.clock)
    renderer = _renderer(config, flow, postal_code=on.gateway.capabilities.postal_code)
    turns = Turns(
        engine=on.engine,
        flow=flow,
        host=host,
        runner=runner,
        renderer=renderer,
        ender=ender,
        clock=on.clock,
        ids=on.ids,
        home_country=config.home_country,
        on_card_too_early=metrics.card_typed_early,
    )
    greeting = Greeting(
        engine=on.engine,
        flow=flow,
        clock=on.clock,
        ids=on.ids,
        home_country=config.home_country,
        languages=config.languages,
        language_by_number=config.language_by_number,
        merchant_name=config.merchant_name,
        card_entry=card_entry,
        person_available=bool(config.person_number),
        saved_cards=_saves_cards(on),
    )
    return VoiceDoor(
        carrier=Carrier(config.public_url, config.twilio_auth_tokens, config.twilio_account_sid),
        turns=turns,
        greeting=greeting,
        ender=ender,
        runner=runner,
        renderer=renderer,
        trouble=Trouble(
            renderer=renderer,
            language_of=turns.language_of,
            default_language=config.languages[0],
            person_number=config.person_number,
        ),
        progress=PayProgress(on.engine, on.clock),
    )


def _saves_cards(on: Ground) -> bool:
    """By the settings, and where the gateway can: no gateway that authorizes at once does."""
    if on.config.saved_cards and not on.gateway.capabilities.saves_cards:
        log.warning("saved_cards_off", gateway=on.gateway.name, sentence="This gateway keeps no cards.")
    return on.config.saved_cards and on.gateway.capabilities.saves_cards


def _wording(config: Config, flow: Flow[Any]) -> Callable[[Say, str], str]:
    """What callers heard, for the record: also where a recording speaks it, whose address stands behind."""
    prompts = Prompts.load(flow.folder, config.languages)
    recordings = _recordings(config)

    def wording(say: Say, language: str) -> str:
        words = "".join(part.text for part in speak(say, language, prompts) if isinstance(part, Words))
        played = [
            part.url for part in speak(say, language, prompts, recordings) if isinstance(part, Recorded)
        ]
        return " ".join([words, *(f"[{url}]" for url in played)])

    return wording


def _lookup(on: Ground) -> MerchantLookup | None:
    config = on.config
    if not config.bill_lookup_url:
        return None
    return MerchantLookup(
        config.bill_lookup_url, config.merchant_secrets, home_country=config.home_country, clock=on.clock
    )


def _recordings(config: Config) -> Recordings:
    return Recordings.load(Path(config.recordings)) if config.recordings else Recordings({})


def _renderer(config: Config, flow: Flow[Any], *, postal_code: bool) -> Renderer:
    prompts = Prompts.load(flow.folder, config.languages)
    voices = {
        language: Voice(config.say_language.get(language, language), config.say_voice.get(language))
        for language in config.languages
    }
    recordings = _recordings(config)
    by_carrier = pay_prompts(config.languages)
    recordings.check(prompts, host_prompts(), by_carrier)
    options = PayOptions(
        connector=config.pay_connector,
        languages=config.pay_language,
        card_types=config.pay_card_types,
        postal_code=postal_code,
        timeout_s=config.pay_timeout_s,
        attempts_max=config.pay_max_attempts,
    )
    pay = PayVerb(options, by_carrier, voices, recordings)
    public_path = urlsplit(config.public_url).path
    return Renderer(prompts, host_prompts(), voices, recordings, pay=pay, public_path=public_path)


# The worker process -----------------------------------------------------------------------------------------


def handlers(on: Ground) -> dict[Job, Handler]:
    """What the worker does for each job."""
    config = on.config
    sender = Sender(on.engine, _channels(config), work=on.work, clock=on.clock)
    deliverer = Deliverer(
        on.engine, url=config.outcome_url, secrets=config.merchant_secrets, work=on.work, clock=on.clock
    )
    cashier = on.cashier
    ender = CallEnder(engine=on.engine, attempts=cashier.attempts, work=on.work, clock=on.clock)
    return {
        **cashier.handlers(),
        SEND_CONFIRMATION: sender.send,
        CHECK_CONFIRMATION: sender.check,
        DELIVER_OUTCOME: deliverer,
        END_SILENT_CALL: ender.end_silent,
        REPORT_CARD_OUTCOME: Reporter(on.engine, on.pci, on.work, on.clock),
    }


def _channels(config: Config) -> dict[str, Channel]:
    """Every channel of this installation: also those that new texts no longer take, for what waits there."""
    channels: dict[str, Channel] = {}
    if config.sms_from:
        channels["sms"] = Sms(
            account_sid=config.twilio_account_sid,
            token=config.twilio_auth_tokens[0],
            api_base=config.twilio_api_base,
            public_url=config.public_url,
            sender=config.sms_from,
        )
    if not config.in_production:
        channels["console"] = Console(sys.stdout)
    return channels


SWEEP_EVERY_S = 60


def run_worker(config: Config, stop: threading.Event) -> bool:
    """Works until `stop` is set; False where something was cut off in the middle."""
    from ivr.work.worker import Worker

    logs.configure(config.log_level, "worker")
    on = ground(config, pool_size=24)
    cashier, caps = on.cashier, on.guard.caps
    sweeps = (
        cashier.sweep,
        lambda: forget_turns(on.engine, on.clock.now()),
        lambda: forget_guesses(on.engine, on.clock.now()),
        lambda: cashier.notices.forget(on.clock.now()),
        lambda: forget_tries(on.engine, caps, on.clock.now()),
    )
    sweeper = threading.Thread(target=_sweep, args=(sweeps, stop), name="sweep", daemon=True)
    sweeper.start()
    return Worker(on.engine, on.clock, on.ids, handlers(on)).run_until(stop)


def _sweep(
    sweeps: Sequence[Callable[[], int]], stop: threading.Event, every_s: float = SWEEP_EVERY_S
) -> None:
    while not stop.wait(every_s):
        for sweep in sweeps:
            try:
                sweep()
            except Exception:  # the thread's edge: a database away for a moment must not end all sweeping
                log.exception("sweep_failed")
