"""`paybycall doctor`: tries what can be tried with the settings of web and worker, a line each.

Exit status 1 where anything has to be mended. Where PCI_PUBLIC_URL is set too, it is tried as well.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from functools import cache, partial

import click

from ivr.cli.examples import example
from ivr.clock import Clock, SystemClock
from ivr.config import Config, load
from ivr.ids import RandomIds
from ivr.ops.doctor import Check, FaultError, Finding, examine
from ivr.settings import SettingsError


@click.command("doctor", epilog=example("doctor"))
def command() -> None:
    """Check the settings and everything they refer to."""
    findings = list(_told(examine(checks(os.environ, SystemClock()))))
    faults = sum(not finding.well for finding in findings)
    click.echo(f"\n{faults} of {len(findings)} have to be mended." if faults else "\nAll is well.")
    sys.exit(1 if faults else 0)


def _told(findings: Iterator[Finding]) -> Iterator[Finding]:
    for finding in findings:
        first, *more = finding.said.splitlines()
        click.echo(f"{'ok   ' if finding.well else 'FAULT'}  {finding.name:<14}{first}")
        for line in more:
            click.echo(" " * 21 + line)
        yield finding


def checks(environ: Mapping[str, str], clock: Clock) -> Iterator[tuple[str, Check]]:
    """Every check. Without settings there is nothing else to try."""
    try:
        config = load(environ)
    except SettingsError as fault:
        yield "settings", partial(_refuse, str(fault))
        return
    yield "settings", lambda: "complete"
    yield from _outside(config, environ, clock)
    yield from _inside(config, clock)


def _refuse(sentences: str) -> str:
    raise FaultError(sentences)


def _outside(config: Config, environ: Mapping[str, str], clock: Clock) -> Iterator[tuple[str, Check]]:
    from gateways import registry
    from ivr.ops import outside

    yield "web", partial(outside.answers, outside.over_http, "PUBLIC_URL", config.public_url, "web")
    if config.carrier_takes_cards:
        yield "cards", lambda: "the carrier takes them by <Pay>: no PCI process is needed, and none is asked"
    else:
        yield from _pci(config, environ, clock)
    ask = cache(
        partial(
            outside.ask_carrier,
            config.twilio_account_sid,
            config.twilio_auth_tokens[0],
            config.twilio_api_base,
        )
    )
    yield "carrier", partial(outside.carrier_knows_us, ask)
    yield "clock", partial(outside.clock_is_right, ask, clock.now)
    yield (
        "gateway",
        lambda: outside.gateway_answers(registry.adapter(config.gateway, config.gateway_settings)),
    )


def _pci(config: Config, environ: Mapping[str, str], clock: Clock) -> Iterator[tuple[str, Check]]:
    from ivr.ops import outside
    from ivr.pci_client import PciClient

    get = outside.over_http
    yield "pci", partial(outside.answers, get, "PCI_INTERNAL_URL", config.pci_internal_url, "pci")
    if pci_public_url := environ.get("PCI_PUBLIC_URL", "").strip().rstrip("/"):
        yield "pci, outside", partial(outside.answers, get, "PCI_PUBLIC_URL", pci_public_url, "pci")
    yield "pci keys", partial(outside.pci_is_ready, get, config.pci_internal_url)
    pci = PciClient(config.pci_internal_url, config.internal_secrets, clock=clock, ids=RandomIds())
    yield "shared secret", partial(outside.secret_is_shared, pci)


def _inside(config: Config, clock: Clock) -> Iterator[tuple[str, Check]]:
    from ivr.ops import inside
    from ivr.ops.living import living_workers
    from ivr.storage.engine import make_engine
    from ivr.work.backlog import failed_jobs, unknown_work

    engine = make_engine(config.database_url)
    try:
        yield "database", partial(inside.database_is_current, engine)
        yield "worker", partial(inside.worker_lives, lambda: living_workers(engine, clock.now()))
        yield "payments", partial(inside.no_payment_is_stuck, engine, clock.now)
        yield "refunds", partial(inside.no_refund_is_stuck, engine, clock.now)
        yield "books", partial(inside.books_and_gateway_agree, engine, clock.now)
        yield "ledger", partial(inside.books_balance, engine)
        yield "payouts", partial(inside.payouts_arrive, engine, clock.now)
        yield "customers", partial(inside.no_customer_stands_twice, engine)
        yield "card guard", partial(inside.cards_are_taken, engine, clock.now)
        yield "texts", partial(inside.no_text_is_stuck, engine, clock.now)
        yield (
            "jobs",
            partial(
                inside.no_job_failed,
                lambda: [f"{job.job} of {job.subject_id}" for job in failed_jobs(engine)],
                lambda: sorted(unknown_work(engine)),
            ),
        )
    finally:
        engine.dispose()
