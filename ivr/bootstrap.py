"""The composition root: makes the web application and the worker out of the settings. Nothing imports it but the command line.

May import everything but `ivr.pci` and `ivr.phone`. Each process makes its engine here, after the web server has forked. The PCI process has a
composition of its own, `ivr.pci.process`.
"""

import os
import threading
from dataclasses import dataclass, replace
from typing import Any

import flask
import sqlalchemy as sa

from flows.language import Flow, Recordings, host_prompts
from flows.language import Prompts
from flows.pay_bill.flow import flow as pay_bill
from gateways import registry
from gateways.contract import Gateway
from ivr import config as configuration
from ivr import logs
from ivr.calls.attempt_waits import AttemptMaker, AttemptWaits
from ivr.calls.bill_waits import BillWaits
from ivr.calls.card_waits import CardWaits
from ivr.calls.errands import Runner
from ivr.calls.greeting import Greeting
from ivr.calls.hang_up import CallEnder
from ivr.calls.host import Host
from ivr.calls.turns import Turns
from ivr.clock import Clock, SystemClock
from ivr.config import Config
from ivr.consequences import HouseConsequences
from ivr.customers.guesses import Guesses
from ivr.ids import Ids, RandomIds
from ivr.payments.attempt import Attempts
from ivr.pci_client import PciClient
from ivr.storage.engine import make_engine
from ivr.voice.render import Renderer
from ivr.voice.twiml import Voice
from ivr.voice.webhooks import Carrier, VoiceDoor
from ivr.work.jobs import Work
from ivr.wsgi import strip_environment


@dataclass(frozen=True, slots=True)
class Ground:
    """What both processes stand on. A test makes its own, with a clock and ids that it controls."""

    config: Config
    engine: sa.Engine
    work: Work
    gateway: Gateway
    clock: Clock
    ids: Ids
    flow: Flow[Any] = pay_bill
