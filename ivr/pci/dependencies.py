"""Everything of one PCI process, put together from what it is given: nothing here reads the environment.

`furnish` is for the process and for tests alike: both hand over the engine, the clock, the keys and the
gateway, and get the same room.
"""

from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from flows.language import Recordings
from ivr.carriers.twilio.twiml import Voice
from ivr.pci.conversation import Conversation
from ivr.pci.entry_service import Desk
from ivr.pci.fallback import WayBack
from ivr.pci.fingerprints import Fingerprints
from ivr.pci.gateway_submission import Sender
from ivr.pci.keys import KeyService
from ivr.pci.metrics import Metrics
from ivr.pci.nonces import DatabaseNonces
from ivr.pci.readiness import parts_of
from ivr.pci.settings import PciConfig
from ivr.pci.speech import Speech
from ivr.pci.sweeper import Sweeper
from ivr.pci.tokenizers import CardGateway
from ivr.pci.velocity import CardCaps, CardDefences
from ivr.platform.build_info import BuildInfo
from ivr.platform.clock import Clock
from ivr.platform.ids import Ids
from ivr.platform.readiness import Readiness, ReadinessMetric

_QUEUE_PER_THREAD = 4
"""How many cards wait here for each one that is being sent; more are left to other processes."""


@dataclass(frozen=True, slots=True)
class Room:
    """The parts that HTTP and the background thread need."""

    config: PciConfig
    engine: sa.Engine
    clock: Clock
    ids: Ids
    keys: KeyService
    speech: Speech
    metrics: Metrics
    nonces: DatabaseNonces
    conversation: Conversation
    desk: Desk
    defences: CardDefences
    sender: Sender
    sweeper: Sweeper
    readiness: Readiness


def furnish(
    config: PciConfig,
    *,
    engine: sa.Engine,
    clock: Clock,
    ids: Ids,
    keys: KeyService,
    gateway: CardGateway,
    executor: Executor,
) -> Room:
    """The room of one process. `executor` sends cards; it is shut down by whoever made it."""
    # An error of the database names the columns it choked on; their values stay out of it.
    engine.hide_parameters = True
    readiness = Readiness("pci", parts_of(engine, keys, config.key_directory, clock))
    metrics = Metrics(
        (
            ReadinessMetric(readiness),
            BuildInfo("pci", gateway=config.gateway, card_entry="gather", database=engine.dialect.name),
        )
    )
    entry_life_s = config.key_life_s - config.key_generation_s
    speech = _speech(config)
    defences = CardDefences(engine, Fingerprints(config.fingerprint_keys), _caps(config), clock, ids, metrics)
    sender = Sender(
        engine=engine,
        clock=clock,
        keys=keys,
        gateway=gateway,
        defences=defences,
        executor=executor,
        metrics=metrics,
        owner=ids.new("pci"),
        capacity=config.gateway_threads * _QUEUE_PER_THREAD,
    )
    return Room(
        config=config,
        engine=engine,
        clock=clock,
        ids=ids,
        keys=keys,
        speech=speech,
        metrics=metrics,
        nonces=DatabaseNonces(engine),
        conversation=Conversation(
            engine=engine,
            clock=clock,
            keys=keys,
            speech=speech,
            sender=sender,
            metrics=metrics,
            way_back=WayBack(
                speech=speech,
                clock=clock,
                base_url=config.pci_public_url,
                web_url=config.public_url,
                person_number=config.person_number,
            ),
            base_url=config.pci_public_url,
            entry_life_s=entry_life_s,
        ),
        desk=Desk(engine=engine, clock=clock, keys=keys, metrics=metrics),
        defences=defences,
        sender=sender,
        sweeper=Sweeper(
            engine=engine,
            clock=clock,
            keys=keys,
            metrics=metrics,
            defences=defences,
            entry_life_s=entry_life_s,
        ),
        readiness=readiness,
    )


def _caps(config: PciConfig) -> CardCaps:
    return CardCaps(
        declines_max=config.card_declines_max,
        tries_max=config.card_tries_max,
        bin_declines_max=config.bin_declines_max,
        window=timedelta(hours=config.count_window_h),
        lock=timedelta(hours=config.lockout_h),
    )


def _speech(config: PciConfig) -> Speech:
    voices = {
        language: Voice(tag, config.say_voice.get(language)) for language, tag in config.say_language.items()
    }
    recordings = Recordings.load(Path(config.recordings)) if config.recordings else Recordings({})
    return Speech(voices, recordings)
