"""What a caller agrees to is kept in the words that they heard, whatever is deployed before they press."""

import copy
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from flows.pay_bill.flow import flow
from ivr.platform.database.engine import reading
from ivr.simulators.phone.events import PhoneEvent, Played, Said
from ivr.web.carrier_webhooks import wiring
from tests.support import schema
from tests.support.payer import CARD, call_sid, pay
from tests.support.phone import PCI, WEB, WsgiApp, WsgiTransport, call_settings
from tests.support.server import ENGLISH, SPANISH, Server

Start = Callable[..., Server]
ASKED = {
    ENGLISH: "Visa ending in 4 2 4 2. To pay 49 euros and 90 cents, press 1. Another card, 2. "
    "To pay, and let us keep this card for later payments until you delete it, press 7.",
    SPANISH: "Visa terminada en 4 2 4 2. Para pagar 49 euros y 90 céntimos, pulse 1. Otra tarjeta, 2. "
    "Para pagar, y que guardemos esta tarjeta para próximos pagos hasta que la borre, pulse 7.",
}
VOICE = [f"https://cdn.example/keep-{number}.mp3" for number in (1, 2, 3)]


@dataclass
class Deployed:
    """The web process: the one before, and from some moment on the other one."""

    app: WsgiApp

    def __call__(self, *request: Any) -> Any:
        return self.app(*request)


def _later_release(server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> WsgiApp:
    """A web process of another release, whose merchant has other words too."""
    shutil.copytree(flow.folder, folder)
    for path in folder.glob("prompts.*.toml"):
        said = path.read_text().replace("later payments", "anything").replace("próximos pagos", "lo que sea")
        path.write_text(said)
    other = copy.copy(flow)
    other.folder = folder
    monkeypatch.setattr(wiring, "version", lambda _: "9.9")
    monkeypatch.setattr(wiring, "build", partial(wiring.build, flow=other))
    line = replace(server.on.config.line, bill_nouns={"en": "fine", "es": "la multa"})
    return server.another_web(config=replace(server.on.config, line=line))


def _keep(server: Server, called: str, web: WsgiApp, hears: Callable[[], None]) -> sa.Row[Any]:
    """The usual caller keeps their card; `hears` is called when they have heard key 7. The card."""
    server.add_bill()
    said: list[str] = []
    transport = WsgiTransport({WEB: web, PCI: server.pci})

    def listen(event: PhoneEvent) -> None:
        if (isinstance(event, Said) and event.text.endswith(" 7.")) or event == Played(VOICE[-1]):
            hears()
        elif isinstance(event, Said) and event.text.startswith(("I am sending", "Estoy enviando")):
            with reading(server.on.engine) as connection:
                session = connection.execute(sa.select(schema.call.c.session)).scalar_one()
            assert set(session["asked"].values()) == {""}, "it goes with its question"
            said.append(event.text)

    settings = call_settings(call_sid(1), to_number=called)
    pay(server, ("1", *CARD, "7"), transport=transport, settings=settings, listener=listen)
    assert said
    server.pass_time(60)
    with reading(server.on.engine) as connection:
        assert list(connection.execute(sa.select(schema.attempt.c.state)).scalars()) == ["approved"]
        return connection.execute(sa.select(schema.saved_card)).one_or_none()


@pytest.mark.slow
@pytest.mark.parametrize("called", [ENGLISH, SPANISH])
def test_a_deploy_does_not_change_the_recorded_consent(
    start_server: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, called: str
) -> None:
    server = start_server(SAVED_CARDS="yes")
    web = Deployed(server.web)
    later = _later_release(server, tmp_path / "pay_bill", monkeypatch)
    card = _keep(server, called, web, lambda: setattr(web, "app", later))
    assert web.app is later
    assert card.consent_wording == ASKED[called]
    assert (card.consent_prompt, card.consent_release) == ("pay_bill:keep.branded", "0.1.0")


@pytest.mark.slow
def test_what_a_recording_spoke_is_named_by_its_address(start_server: Start, tmp_path: Path) -> None:
    (tmp_path / "voices.toml").write_text(f'[en]\n"keep.branded" = {VOICE}\n')
    server = start_server(SAVED_CARDS="yes", RECORDINGS=str(tmp_path / "voices.toml"))
    card = _keep(server, ENGLISH, server.web, lambda: None)
    assert card.consent_wording == " ".join([ASKED[ENGLISH], *(f"[{url}]" for url in VOICE)])


@pytest.mark.slow
def test_no_card_is_saved_on_a_question_of_the_last_release(start_server: Start) -> None:
    server = start_server(SAVED_CARDS="yes")

    def as_the_last_release_kept_it() -> None:
        with server.on.engine.begin() as tx:
            session = dict(tx.execute(sa.select(schema.call.c.session)).scalar_one())
            assert session.pop("asked")["wording"] == ASKED[ENGLISH]
            tx.execute(sa.update(schema.call).values(session=session))

    assert _keep(server, ENGLISH, server.web, as_the_last_release_kept_it) is None
