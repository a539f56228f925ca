"""Every door of both applications is known here, and a stranger gets through none but the open ones."""

import flask
import pytest

from ivr.pci.app import create_app
from tests.support.server import Server

OPEN = {
    "web": {
        "/healthz",
        "/readyz",
        "/metrics",
        "/api/v1/openapi.json",
        "/pay/<token>",
        "/receipt/<token>",
        "/gateways/<name>/webhook",  # signed: tests/ivr/payments/notices/test_gateway_notices.py
    },
    "pci": {"/healthz", "/readyz", "/metrics"},
}
SIGNED = {
    "web": {
        "/messages/status",
        "/voice/fallback",
        "/voice/incoming",
        "/voice/status",
        "/voice/<call_id>/pay/<int:number>",
        "/voice/<call_id>/person",
        "/voice/<call_id>/t/<int:number>",
        "/voice/<call_id>/trouble/<int:number>/<int:times>",
    },
    "pci": {
        "/pci/e/<entry_id>/t/<int:turn>",
        "/pci/fallback",
        "/pci/internal/calls/<call_sid>/ended",
        "/pci/internal/entries",
        "/pci/internal/entries/<entry_id>/collect",
        "/pci/internal/entries/<entry_id>/outcome",
        "/pci/internal/lockouts",
        "/pci/internal/lockouts/<lock_out_id>/lift",
    },
}
KEYED = {
    "web": {
        "/api/v1/bills",
        "/api/v1/bills/<reference>",
        "/api/v1/lockouts",
        "/api/v1/lockouts/<lock_out_id>",
        "/api/v1/cards/<card_id>",
        "/api/v1/cards/search",
        "/api/v1/payments",
        "/api/v1/payments/<payment_id>",
        "/api/v1/payments/<payment_id>/refunds",
    },
    "pci": set[str](),
}


def application(server: Server, name: str) -> flask.Flask:
    return server.web if name == "web" else server.pci


@pytest.mark.parametrize("name", ["web", "pci"])
def test_a_door_that_is_not_listed_does_not_exist(server: Server, name: str) -> None:
    rules = {str(rule) for rule in application(server, name).url_map.iter_rules()}
    assert rules == OPEN[name] | SIGNED[name] | KEYED[name]


@pytest.mark.parametrize("name", ["web", "pci"])
def test_a_stranger_is_refused_at_every_other_door(server: Server, name: str) -> None:
    app = application(server, name)
    for rule in app.url_map.iter_rules():
        values = dict.fromkeys(rule.arguments, 1)
        url = app.url_map.bind("localhost").build(rule.endpoint, values)
        for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}:
            status = app.test_client().open(url, method=method, json={}).status_code
            wanted = {401} if str(rule) in KEYED[name] else {400, 403}
            assert str(rule) in OPEN[name] or status in wanted, (method, url, status)


@pytest.mark.parametrize("name", ["web", "pci"])
def test_flasks_own_switches_are_off_whatever_the_environment_says(
    server: Server, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder `static` beside the process is not published, and FLASK_DEBUG changes nothing."""
    monkeypatch.setenv("FLASK_DEBUG", "1")
    app = server.another_web() if name == "web" else create_app(server.room)
    assert not app.debug
    assert app.static_folder is None
    assert not app.config["PROPAGATE_EXCEPTIONS"]
