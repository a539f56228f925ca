"""What the shipped nginx and Caddy files let through is what the applications' routes are, less what is for
the operator's own network; and nothing that a caller keys, no query and no pay link is left in a file.
"""

import shutil
from collections.abc import Iterator

import pytest

from ivr.cli.serve import PCI_BODY_BYTES_MAX, WEB_BODY_BYTES_MAX
from ivr.doctor import external_checks as outside
from ivr.doctor.checks import FaultError
from tests.support.proxies import PROXIES, Proxy, running_proxy
from tests.support.server import Server

pytestmark = pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
INSIDE = {
    "web": {"/readyz", "/metrics"},
    "pci": {
        "/healthz",
        "/readyz",
        "/metrics",
        "/pci/internal/calls/<id:call_sid>/ended",
        "/pci/internal/entries",
        "/pci/internal/entries/<id:entry_id>/collect",
        "/pci/internal/entries/<id:entry_id>/outcome",
        "/pci/internal/lockouts",
        "/pci/internal/lockouts/<id:lockout_id>/lift",
    },
}
"""Routes that no stranger reaches. A route that is in neither a proxy's file nor here fails the test."""
DETOURS = (
    "/pci/e/../internal/lockouts",
    "/pci/e/%2e%2e/internal/lockouts",
    "/pci/e/..%2finternal/lockouts",
    "//pci/internal/lockouts",
    "/pci/./internal/lockouts",
    "/PCI/internal/lockouts",
    "/pci/fallback/../../metrics",
    "/",
    "/pci/fallbackx",
)
TOO_LONG = {413, 502}
DIGITS = "4242424242424242"
PAGES = ("pay", "receipt")
TOKEN = "tok-4f1c9b7e2a"


@pytest.fixture(scope="module", params=PROXIES)
def proxy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with running_proxy(request.param, tmp_path_factory.mktemp(request.param)) as running:
        yield running


def _routes(server: Server, name: str) -> Iterator[tuple[str, str, str]]:
    """Rule, method, and a path of it."""
    app = server.web if name == "web" else server.pci
    for rule in app.url_map.iter_rules():
        path = app.url_map.bind("localhost").build(rule.endpoint, dict.fromkeys(rule.arguments, 1))
        for method in sorted((rule.methods or set()) - {"OPTIONS", "HEAD"}):
            yield str(rule), method, path.partition("?")[0]


def test_every_route_is_let_through_or_is_for_inside(proxy: Proxy, server: Server) -> None:
    for name, inside in INSIDE.items():
        passed: dict[str, bool] = {}
        for rule, method, path in _routes(server, name):
            status, heard = proxy.ask(name, method, path)
            assert status == (200 if heard else 404), path
            if heard:
                assert proxy.processes[name].heard[-1][:2] == (method, path)  # to the letter: it is signed
            passed[rule] = heard
        assert {rule for rule, heard in passed.items() if not heard} == inside


def test_the_way_from_web_to_pci_is_a_door_of_its_own(proxy: Proxy, server: Server) -> None:
    for rule, method, path in _routes(server, "pci"):
        _, heard = proxy.ask("pci", method, path, port=proxy.internal_port)
        assert heard == (rule in INSIDE["pci"]), rule


def test_the_doctor_names_the_certificate(proxy: Proxy) -> None:
    """A proxy that answers plain http at its TLS port with 400 speaks TLS there all the same."""
    with pytest.raises(FaultError, match=r"TLS certificate|TLS handshake"):
        outside.answers(outside.over_http, outside.web_site(f"https://127.0.0.1:{proxy.port}"))


def test_no_detour_leads_inside(proxy: Proxy) -> None:
    for path in DETOURS:
        for method in ("GET", "POST"):
            assert proxy.ask("pci", method, path) == (404, False), path
    assert proxy.ask("web", "POST", "/pci/fallback") == (404, False)
    assert proxy.ask("pci", "POST", "/voice/incoming") == (404, False)


@pytest.mark.parametrize(
    ("name", "path", "bytes_max"),
    [("web", "/voice/incoming", WEB_BODY_BYTES_MAX), ("pci", "/pci/fallback", PCI_BODY_BYTES_MAX)],
)
def test_a_body_is_never_in_a_file(proxy: Proxy, name: str, path: str, bytes_max: int) -> None:
    """There is no folder for temporary files any more: what needed one would fail."""
    shutil.rmtree(proxy.folder / "temporary", ignore_errors=True)
    process = proxy.processes[name]
    body = b"D" * bytes_max
    assert proxy.ask(name, "POST", path, body) == (200, True)
    assert process.heard[-1][2] == body
    assert proxy.ask(name, "POST", path, body + b"D")[0] in TOO_LONG


def test_no_log_has_a_digit_a_query_or_a_pay_link(proxy: Proxy) -> None:
    def ask_all() -> set[int]:
        keyed = f"Digits={DIGITS}"
        assert proxy.ask("pci", "GET", f"/pci/fallback?{keyed}") == (404, False)
        asked = [
            ("pci", "POST", f"/pci/fallback?{keyed}", keyed),
            ("web", "POST", f"/voice/incoming?{keyed}", keyed),
            *(("web", "GET", f"/{page}/{TOKEN}{more}", "") for page in PAGES for more in ("", "?left")),
        ]
        return {proxy.ask(name, method, path, body.encode())[0] for name, method, path, body in asked}

    assert ask_all() == {200}
    for process in proxy.processes.values():  # and once while nobody is behind it
        process.refuse()
    try:
        assert ask_all() == {502}
    finally:
        for process in proxy.processes.values():
            process.accept()
    leaks = {
        path: [line for line in text.splitlines() if DIGITS in line or TOKEN in line]
        for path, text in proxy.written().items()
    }
    assert not any(leaks.values()), leaks
