"""Every door of both applications is known here, and a stranger gets through none but the open ones."""

import flask
import pytest

from ivr.pci.app import create_app
from tests.support.phone import ACCOUNT_SID
from tests.support.server import Server

OPEN = {
    "web": {
        "/healthz",
        "/readyz",
        "/metrics",
        "/api/v1/openapi.json",
        "/pay/<token>",
        "/receipt/<token>",
        "/gateways/<name>/webhook",  # signed: tests/ivr/payments/gateway_events/test_gateway_events.py
    },
    "pci": {"/healthz", "/readyz", "/metrics"},
}
SIGNED = {
    "web": {
        "/messages/status",
        "/voice/fallback",
        "/voice/incoming",
        "/voice/status",
        "/voice/<id:call_id>/pay/<turn:number>",
        "/voice/<id:call_id>/person",
        "/voice/<id:call_id>/t/<turn:number>",
        "/voice/<id:call_id>/trouble/<turn:number>/<turn:times>",
    },
    "pci": {
        "/pci/e/<id:entry_id>/t/<turn:turn>",
        "/pci/fallback",
        "/pci/internal/calls/<id:call_sid>/ended",
        "/pci/internal/entries",
        "/pci/internal/entries/<id:entry_id>/collect",
        "/pci/internal/entries/<id:entry_id>/outcome",
        "/pci/internal/lockouts",
        "/pci/internal/lockouts/<id:lockout_id>/lift",
    },
}
KEYED = {
    "web": {
        "/api/v1/bills",
        "/api/v1/bills/batch",
        "/api/v1/bills/<reference>",
        "/api/v1/disputes",
        "/api/v1/disputes/<reference>",
        "/api/v1/payouts",
        "/api/v1/payouts/<payout_id>",
        "/api/v1/refunds/<refund_id>",
        "/api/v1/lockouts",
        "/api/v1/lockouts/<lock_out_id>",
        "/api/v1/cards/<card_id>",
        "/api/v1/cards/search",
        "/api/v1/messages/<message_id>/resend",
        "/api/v1/messages/held",
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
    app, form = application(server, name), {"CallSid": "CA1", "AccountSid": ACCOUNT_SID}
    for rule in app.url_map.iter_rules():
        values = dict.fromkeys(rule.arguments, 1)
        url = app.url_map.bind("localhost").build(rule.endpoint, values)
        for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}:
            status = app.test_client().open(url, method=method, data=form).status_code
            wanted = 401 if str(rule) in KEYED[name] else 403
            assert str(rule) in OPEN[name] or status == wanted, (method, url, status)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["web", "pci", "bank"])
def test_no_path_is_answered_by_a_redirect_that_nobody_wrote(server: Server, name: str) -> None:
    """The carrier would send keyed digits again, in the clear, to the host that a stranger names."""
    app = server.bank.app if name == "bank" else application(server, name)
    values = {"name": "sandbox", "filename": "x"}
    for rule in app.url_map.iter_rules():
        assert not str(rule).endswith("/") or str(rule) == "/", "its address without the slash is redirected"
        path = app.url_map.bind("localhost").build(rule.endpoint, dict.fromkeys(rule.arguments, 1) | values)
        path = path.partition("?")[0]
        parts = path.split("/")
        odd = ["", f"/{path}", f"{path}/", path.replace("/", "//"), f"{path}//", f"/.{path}", f"/x/..{path}"]
        odd += ["/".join([*parts[:at], "", *parts[at:]]) for at in range(1, len(parts))]
        for target in {*odd, path}:
            for method in ("GET", "POST"):
                answer = app.test_client().open(
                    method=method,
                    base_url="http://evil.example",
                    data={"Digits": "4242"},
                    environ_overrides={"PATH_INFO": target},
                )
                assert not 300 <= answer.status_code < 400, (method, target)
                assert "evil.example" not in answer.text + str(answer.headers)
                refused = answer.status_code == 404 or name == "bank"
                assert target == path or refused, (method, target, answer.status_code)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["web", "pci"])
def test_flasks_own_switches_are_off_whatever_the_environment_says(
    server: Server, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder `static` beside the process is not published, and FLASK_DEBUG changes nothing."""
    monkeypatch.setenv("FLASK_DEBUG", "1")
    app = server.another_web() if name == "web" else create_app(server.pci_parts)
    assert not app.debug
    assert app.static_folder is None
    assert not app.config["PROPAGATE_EXCEPTIONS"]
