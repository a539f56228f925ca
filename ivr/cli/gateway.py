"""The gateway of this installation, and the payment service behind it, for commands."""

import os

from gateways import registry
from gateways.capability import Capabilities, CardEntry
from gateways.settings import UnknownGatewayError, settings_of, with_values
from ivr.cli import Fault
from ivr.cli.context import CommandContext
from ivr.events.listeners.subscriptions import build_events
from ivr.fraud.guard import FraudLimits, Guard
from ivr.jobs.enqueue import DurableWork
from ivr.jobs.store import NotMigratedError, require_migrated
from ivr.payments.queries.feed import Payment
from ivr.payments.service import PaymentService
from ivr.platform.settings.fraud import FraudSettings
from ivr.platform.settings.line import wording_of
from ivr.platform.settings.reading import SettingsError, read_all
from ivr.platform.settings.shared import GATEWAY
from ivr.platform.settings.web_settings import gateway_list, gateway_settings

GATEWAY_SETTINGS = tuple(setting.name for setting in gateway_list())
PAYMENT_SETTINGS = (
    *("GATEWAY", *GATEWAY_SETTINGS, *(setting.name for setting in settings_of(FraudSettings))),
    *("MERCHANT_NAME", "BILL_NOUN", "HOME_COUNTRY", "CHANNEL", "OUTCOME_URL"),
)
"""What `payment_service` needs."""


def gateway_limits() -> Capabilities:
    """The gateway's facts; without a gateway, those of one that charges anything. Bills can be stored before
    the gateway is set up, so no setting is required.
    """
    try:
        values = read_all((GATEWAY, *gateway_list()), os.environ)
        name = values["GATEWAY"]
        return registry.adapter(name, gateway_settings(name, values)).capabilities
    except (SettingsError, UnknownGatewayError):
        return Capabilities(CardEntry.TOKENIZE)


def dashboard_url(at: CommandContext, payment: Payment) -> str | None:
    """Its page in the dashboard of the gateway that charged it."""
    if payment.gateway_reference is None or payment.gateway not in registry.names():
        return None
    settings = gateway_settings(payment.gateway, at.values)
    return registry.adapter(payment.gateway, settings).dashboard_url(payment.gateway_reference)


def payment_service(at: CommandContext) -> PaymentService:
    """The payment service of this installation's gateway. What it asks for is done by the worker."""
    name = at.values["GATEWAY"]
    try:
        require_migrated(at.engine)
        gateway = registry.adapter(name, gateway_settings(name, at.values))
    except (NotMigratedError, UnknownGatewayError) as fault:
        raise Fault(str(fault)) from None
    work = DurableWork(at.engine)
    wording = wording_of(at.values["HOME_COUNTRY"], at.values["BILL_NOUN"])
    events = build_events(
        work=work,
        clock=at.clock,
        ids=at.ids,
        guard=Guard(FraudLimits.from_settings(with_values(FraudSettings, at.values)), work, at.clock, at.ids),
        merchant_name=at.values["MERCHANT_NAME"],
        wording=wording,
        channel=at.values["CHANNEL"],
        sends_webhooks=bool(at.values["OUTCOME_URL"]),
        gateway=gateway.name,
        dashboard_url=gateway.dashboard_url,
    )
    return PaymentService(
        engine=at.engine,
        gateway=gateway,
        work=work,
        clock=at.clock,
        ids=at.ids,
        events=events,
        wording=wording,
    )
