"""Everything of one PCI process, put together from what it is given: nothing here reads the environment.

The process and the tests both call `build_pci`. They hand over the engine, the clock, the keys and the
gateway.
"""

from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from flows.language import Recordings
from ivr.carriers.twilio.twiml import Voice
from ivr.pci.conversation import Conversation
from ivr.pci.entry_service import EntryService
from ivr.pci.fallback import ReturnToWeb
from ivr.pci.fingerprints import FingerprintKeys
from ivr.pci.gateway_submission import GatewaySubmission
from ivr.pci.keys import KeyService
from ivr.pci.metrics import PciMetrics
from ivr.pci.migrations import SCRIPTS
from ivr.pci.nonces import DatabaseNonces
from ivr.pci.safe_logging import tell
from ivr.pci.settings import PciConfig
from ivr.pci.speech import Speech
from ivr.pci.sweeper import Sweeper
from ivr.pci.tokenizers import CardGateway
from ivr.pci.velocity import CardLimits, CardVelocity
from ivr.platform.clock import Clock
from ivr.platform.database.availability import folder_fault, temporary_fault, write_fault
from ivr.platform.ids import Ids
from ivr.platform.metrics import BuildInfo
from ivr.platform.readiness import CachedCheck, Part, Readiness, ReadinessMetric

_AWAY = "The database does not answer: see PCI_DATABASE_URL."
_QUEUE_PER_THREAD = 4
"""How many cards wait here for each one that is being sent; more are left to other processes."""


@dataclass(frozen=True, slots=True)
class PciDependencies:
    """The parts that HTTP and the background thread need."""

    config: PciConfig
    engine: sa.Engine
    clock: Clock
    ids: Ids
    keys: KeyService
    speech: Speech
    metrics: PciMetrics
    nonces: DatabaseNonces
    conversation: Conversation
    entry_service: EntryService
    velocity: CardVelocity
    submission: GatewaySubmission
    sweeper: Sweeper
    readiness: Readiness


def build_pci(
    config: PciConfig,
    *,
    engine: sa.Engine,
    clock: Clock,
    ids: Ids,
    keys: KeyService,
    gateway: CardGateway,
    executor: Executor,
) -> PciDependencies:
    """The parts of one process. `executor` sends cards; whoever made it shuts it down."""
    # A database error names the columns of its statement, and must not show their values.
    engine.hide_parameters = True
    readiness = Readiness("pci", _readiness_parts(engine, keys, config.key_directory, clock))
    metrics = PciMetrics(
        (
            ReadinessMetric(readiness),
            BuildInfo("pci", gateway=config.gateway, card_entry="gather", database=engine.dialect.name),
        )
    )
    entry_life = timedelta(seconds=config.key_life_s - config.key_generation_s)
    speech = _speech(config)
    velocity = CardVelocity(
        engine, FingerprintKeys(config.fingerprint_keys), _limits(config), clock, ids, metrics
    )
    submission = GatewaySubmission(
        engine=engine,
        clock=clock,
        keys=keys,
        gateway=gateway,
        velocity=velocity,
        executor=executor,
        metrics=metrics,
        owner=ids.new("pci"),
        capacity=config.gateway_threads * _QUEUE_PER_THREAD,
    )
    return PciDependencies(
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
            submission=submission,
            metrics=metrics,
            return_to_web=ReturnToWeb(
                speech=speech,
                clock=clock,
                base_url=config.pci_public_url,
                web_url=config.public_url,
                person_number=config.person_number,
            ),
            base_url=config.pci_public_url,
            entry_life=entry_life,
        ),
        entry_service=EntryService(engine=engine, clock=clock, keys=keys, metrics=metrics),
        velocity=velocity,
        submission=submission,
        sweeper=Sweeper(engine, clock, keys, metrics, velocity, entry_life),
        readiness=readiness,
    )


def _limits(config: PciConfig) -> CardLimits:
    return CardLimits(
        declines_max=config.card_declines_max,
        tries_max=config.card_tries_max,
        bin_declines_max=config.bin_declines_max,
        window=timedelta(hours=config.count_window_h),
        lockout=timedelta(hours=config.lockout_h),
    )


def _speech(config: PciConfig) -> Speech:
    voices = {
        language: Voice(tag, config.say_voice.get(language)) for language, tag in config.say_language.items()
    }
    recordings = Recordings.load(Path(config.recordings)) if config.recordings else Recordings({})
    return Speech(voices, recordings)


def _readiness_parts(engine: sa.Engine, keys: KeyService, key_directory: Path, clock: Clock) -> list[Part]:
    """Without its database or its keys no card can be taken; without temporary files it can."""
    database_writes = CachedCheck(partial(write_fault, engine), clock)
    directory_writes = CachedCheck(partial(folder_fault, key_directory, "PCI_KEY_DIRECTORY"), clock)
    return [
        Part("database", lambda: _database(engine) or database_writes()),
        Part("keys", lambda: _keys(keys) or directory_writes()),
        Part("temporary files", CachedCheck(temporary_fault, clock), is_needed=False),
    ]


def _database(engine: sa.Engine) -> str | None:
    return SCRIPTS.fault(engine, away=_AWAY, report=partial(tell, "readyz_database_failed"))


def _keys(keys: KeyService) -> str | None:
    try:
        keys.current()
    except Exception as error:  # noqa: BLE001 - whatever fails in a key service: not ready
        tell("readyz_keys_failed", error)
        return "The directory of the keys does not answer: see PCI_KEY_DIRECTORY."
    return None
