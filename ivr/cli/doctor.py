"""`paybycall doctor`: tries what can be tried with the settings of web and worker, a line each.

Exit status 1 where a check fails. Where PCI_PUBLIC_URL is set too, it is tried as well.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from functools import cache, partial

import click
import sqlalchemy as sa

from ivr.cli import Fault, boot, example
from ivr.doctor.checks import CheckResult, DoctorCheck, FaultError, LastFaultError, examine
from ivr.platform.clock import Clock, SystemClock
from ivr.platform.database.migrations import can_serve
from ivr.platform.database.unreachable import sentence
from ivr.platform.ids import RandomIds
from ivr.platform.settings.reading import SettingsError
from ivr.platform.settings.web_settings import Config, load_config

WEB_PORT, PCI_PORT = 8000, 8001
"""Where `serve web` and `serve pci` listen if nothing else is said."""


@click.command("doctor", epilog=example("doctor"))
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of {name, ok, said}.")
def command(*, as_json: bool) -> None:
    """Check settings, addresses, carrier, gateway and database.

    Ends with status 1 if a check fails.
    """
    findings = examine(checks(os.environ, SystemClock()))
    if as_json:
        found = list(findings)
        shown = [{"name": one.name, "ok": one.well, "said": one.said} for one in found]
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        found = list(_told(findings))
        failed = sum(not one.well for one in found)
        total = f"{len(found)} check{'s' if len(found) > 1 else ''}"
        click.echo(f"\n{failed} of {total} failed." if failed else f"\nAll {total} passed.")
    sys.exit(0 if all(one.well for one in found) else 1)


def _told(findings: Iterator[CheckResult]) -> Iterator[CheckResult]:
    for finding in findings:
        first, *more = finding.said.splitlines()
        click.echo(f"{'ok   ' if finding.well else 'FAULT'}  {finding.name:<14}{first}")
        for line in more:
            click.echo(" " * 21 + line)
        yield finding


def checks(environ: Mapping[str, str], clock: Clock) -> Iterator[tuple[str, DoctorCheck]]:
    """Every check. Without settings there is nothing else to try."""
    try:
        config = load_config(environ)
        boot.refuse_one_for_both(environ)
    except SettingsError as fault:
        yield "settings", partial(_refuse, str(fault))
        return
    yield "settings", lambda: "complete"
    yield from _outside(config, environ, clock)
    if config.in_production:
        yield from _exposed(config, environ)
    for name, check in _inside(config, clock):
        yield name, partial(_asking, config.database_url, check)


def _asking(url: str, check: DoctorCheck) -> str:
    """A check of our database, which may go away in the middle."""
    try:
        return check()
    except sa.exc.DBAPIError as fault:
        if said := sentence("DATABASE_URL", url, fault):
            raise LastFaultError(said) from None
        raise


def _refuse(sentences: str) -> str:
    raise FaultError(sentences)


def _outside(config: Config, environ: Mapping[str, str], clock: Clock) -> Iterator[tuple[str, DoctorCheck]]:
    from gateways import registry
    from ivr.doctor import external_checks as outside

    yield "web", partial(outside.answers, outside.over_http, outside.web_site(config.public_url))
    if config.carrier_takes_cards:
        yield "cards", lambda: "the carrier takes them by <Pay>, so no PCI process is needed or checked"
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


def _pci_public_url(environ: Mapping[str, str]) -> str:
    return environ.get("PCI_PUBLIC_URL", "").strip().rstrip("/")


def _pci(config: Config, environ: Mapping[str, str], clock: Clock) -> Iterator[tuple[str, DoctorCheck]]:
    from ivr.doctor import external_checks as outside
    from ivr.integrations.pci_client import PciClient

    yield "pci", partial(outside.pci_is_ready, outside.over_http, config.pci_internal_url)
    if url := _pci_public_url(environ):
        yield "pci, public", partial(outside.answers, outside.over_http, outside.pci_site(url))
    pci = PciClient(config.pci_internal_url, config.internal_secrets, clock=clock, ids=RandomIds())
    yield "shared secret", partial(outside.secret_is_shared, pci)


def _exposed(config: Config, environ: Mapping[str, str]) -> Iterator[tuple[str, DoctorCheck]]:
    from ivr.doctor import exposure_checks as exposed
    from ivr.doctor import external_checks as outside

    ask = outside.over_http
    port = environ.get("PORT", "").strip()
    sites = [(outside.web_site(config.public_url), int(port) if port.isdecimal() else WEB_PORT)]
    if (url := _pci_public_url(environ)) and not config.carrier_takes_cards:
        sites.append((outside.pci_site(url), PCI_PORT))
        yield "pci, closed", partial(exposed.pci_is_closed, ask, sites[1][0])
    yield "metrics", partial(exposed.metrics_are_closed, ask, [site for site, _ in sites])
    yield "proxy", partial(exposed.proxy_cannot_be_avoided, ask, sites)
    yield "user", exposed.nobody_is_root


def _inside(config: Config, clock: Clock) -> Iterator[tuple[str, DoctorCheck]]:
    from ivr.doctor import internal_checks as inside
    from ivr.jobs.backlog import failed_jobs, unknown_work
    from ivr.jobs.liveness_lock import living_workers
    from ivr.platform.database.engine import make_engine

    yield "database", partial(_database, config.database_url)
    engine = make_engine(config.database_url)
    try:
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


def _database(url: str) -> str:
    try:
        boot.require(boot.WEB_DATABASE, url, can_serve)
    except Fault as fault:
        raise LastFaultError(fault.message) from None
    return f"{url.partition(':')[0]} answers, and its schema is that of this release or a later one"
