"""What the web process and the worker are built from: settings, database, queue, gateway, clock and ids.

Each process builds its own, after the web server has forked.
"""

from dataclasses import dataclass
from functools import cached_property

import sqlalchemy as sa

from gateways import registry
from gateways.contract import Gateway
from ivr.events.listeners.subscriptions import build_events
from ivr.fraud.guard import FraudLimits, Guard
from ivr.integrations.pci_client import PciClient
from ivr.jobs.job_list import Work
from ivr.payments.links.store import LinkTerms
from ivr.payments.service import PaymentService
from ivr.platform.clock import Clock, SystemClock
from ivr.platform.database.engine import make_engine
from ivr.platform.ids import Ids, RandomIds
from ivr.platform.settings.web_settings import Config


@dataclass(frozen=True)
class Dependencies:
    """The parts that both processes share. A test makes its own, with a clock and ids that it controls."""

    config: Config
    engine: sa.Engine
    work: Work
    gateway: Gateway
    clock: Clock
    ids: Ids

    @cached_property
    def guard(self) -> Guard:
        return Guard(FraudLimits.from_settings(self.config.fraud), self.work, self.clock, self.ids)

    @cached_property
    def pci(self) -> PciClient | None:
        """The client of the PCI process; None where the carrier takes the cards."""
        config = self.config
        if config.carrier_takes_cards:
            return None
        return PciClient(config.pci_internal_url, config.internal_secrets, clock=self.clock, ids=self.ids)

    @cached_property
    def payments(self) -> PaymentService:
        links = LinkTerms(self.config.public_url, self.config.link_expires_min)
        events = build_events(
            work=self.work,
            clock=self.clock,
            ids=self.ids,
            guard=self.guard,
            merchant_name=self.config.line.merchant_name,
            wording=self.config.line.wording,
            channel=self.config.channel,
            sends_webhooks=bool(self.config.outcome_url),
            gateway=self.gateway.name,
            dashboard_url=self.gateway.dashboard_url,
            links=links if self.gateway.capabilities.links else None,
        )
        return PaymentService(
            engine=self.engine,
            gateway=self.gateway,
            work=self.work,
            clock=self.clock,
            ids=self.ids,
            events=events,
            links=links,
            wording=self.config.line.wording,
        )


def build(config: Config, *, pool_size: int = 16) -> Dependencies:
    """Those of a real process: the machine's clock, random ids, the database and gateway of the settings."""
    from ivr.jobs.enqueue import DurableWork

    engine = make_engine(config.database_url, pool_size=pool_size)
    gateway = registry.adapter(config.gateway, config.gateway_settings)
    return Dependencies(config, engine, DurableWork(engine), gateway, SystemClock(), RandomIds())
