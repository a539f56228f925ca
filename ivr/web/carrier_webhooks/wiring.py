"""Builds the carrier's webhooks: the flow, what its waits use, and how it is all said."""

from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog

from flows.language import Flow, Prompts, Recordings, server_prompts
from flows.pay_bill.flow import flow as pay_bill
from ivr.calls.call_services import CallServices
from ivr.calls.caller_saved_card import CallerSavedCard
from ivr.calls.greeting import Greeting
from ivr.calls.hang_up import CallEnder
from ivr.calls.pay_progress import PayProgress
from ivr.calls.remote_calls import RemoteCalls
from ivr.calls.turns import Turns
from ivr.calls.waits import HANDLERS
from ivr.carriers.twilio.pay.verb import PayVerb, pay_prompts
from ivr.carriers.twilio.rendering import TwimlRenderer
from ivr.carriers.twilio.twiml import Voice
from ivr.customers.reference_guesses import ReferenceGuesses
from ivr.dependencies import Dependencies
from ivr.integrations.bill_lookup import LOOKUP_S, MerchantLookup
from ivr.integrations.signed_post import SignedPost
from ivr.platform.settings.web_settings import Config
from ivr.web.carrier_webhooks.carried_keys import CarriedKeys
from ivr.web.carrier_webhooks.failed_turn import FailedTurn
from ivr.web.carrier_webhooks.voice import CarrierAccount, VoiceWebhooks
from ivr.web.ops.metrics import Metrics

log = structlog.get_logger()


def build(on: Dependencies, metrics: Metrics, flow: Flow[Any] = pay_bill) -> VoiceWebhooks:
    config = on.config
    payments = on.payments
    attempts = payments.attempts
    remote = RemoteCalls(
        on.pci,
        _lookup(on),
        config.public_url,
        postal_code=on.gateway.capabilities.postal_code,
    )
    services = CallServices(
        attempts=attempts,
        guard=on.guard,
        saved_card=CallerSavedCard(payments.saved_cards, attempts, on.gateway.name, on.clock),
        guesses=ReferenceGuesses(config.guesses_max, config.guesses_max_withheld),
        gateway=on.gateway.capabilities,
        asks_merchant=remote.asks_merchant,
        carrier_takes_cards=config.carrier_takes_cards,
        person_number=config.line.person_number,
        clock=on.clock,
        ids=on.ids,
    )
    ender = CallEnder(engine=on.engine, attempts=attempts, clock=on.clock)
    renderer = _renderer(config, flow, postal_code=on.gateway.capabilities.postal_code)
    turns = Turns(
        engine=on.engine,
        flow=flow,
        waits={wait: handler(services) for wait, handler in HANDLERS.items()},
        remote=remote,
        renderer=renderer,
        work=on.work,
        clock=on.clock,
        ids=on.ids,
        home_country=config.line.home_country,
        release=version("paybycall"),
        on_card_too_early=metrics.card_typed_early,
    )
    greeting = Greeting(
        engine=on.engine,
        flow=flow,
        clock=on.clock,
        ids=on.ids,
        line=config.line,
        card_entry=on.gateway.capabilities.card_entry,
        saved_cards=_saves_cards(on),
        slow_speech=all(voice.can_be_slowed for voice in _voices(config).values()),
    )
    return VoiceWebhooks(
        carrier=CarrierAccount(config.public_url, config.twilio_auth_tokens, config.twilio_account_sid),
        turns=turns,
        greeting=greeting,
        ender=ender,
        remote=remote,
        renderer=renderer,
        failed_turn=FailedTurn(
            renderer=renderer,
            language_of=turns.language_of,
            default_language=config.line.languages[0],
            person_number=config.line.person_number,
        ),
        pay_progress=PayProgress(on.engine, on.clock),
        carried_keys=CarriedKeys(config.twilio_auth_tokens, on.clock),
    )


def _saves_cards(on: Dependencies) -> bool:
    """By the settings, and where the gateway can: no gateway that authorizes at once does."""
    if on.config.saved_cards and not on.gateway.capabilities.saves_cards:
        log.warning("saved_cards_off", gateway=on.gateway.name, sentence="This gateway does not save cards.")
    return on.config.saved_cards and on.gateway.capabilities.saves_cards


def _lookup(on: Dependencies) -> MerchantLookup | None:
    config = on.config
    if not config.bill_lookup_url:
        return None
    post = SignedPost(config.bill_lookup_url, config.merchant_secrets, LOOKUP_S)
    return MerchantLookup(post, config.line.home_country, on.clock)


def _voices(config: Config) -> dict[str, Voice]:
    return {
        language: Voice(config.line.say_language.get(language, language), config.line.say_voice.get(language))
        for language in config.line.languages
    }


def _renderer(config: Config, flow: Flow[Any], *, postal_code: bool) -> TwimlRenderer:
    prompts = Prompts.load(flow.folder, config.line.languages, config.line.wording.nouns)
    voices = _voices(config)
    recordings = Recordings.load(Path(config.line.recordings)) if config.line.recordings else None
    by_carrier = pay_prompts(config.line.languages)
    if recordings is not None:
        recordings.check(prompts, server_prompts(), by_carrier)
    pay = PayVerb(config.pay, by_carrier, voices, recordings, postal_code)
    public_path = urlsplit(config.public_url).path
    return TwimlRenderer(prompts, server_prompts(), voices, recordings, pay=pay, public_path=public_path)
