"""Settings are refused at boot with a sentence for each fault; the list is complete and the page is true."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateways.sandbox.settings import SandboxSettings
from gateways.secret import Secret
from gateways.settings import settings_of
from gateways.stripe.settings import StripeSettings
from ivr.cli import main
from ivr.cli.config import MASK, every_setting, markdown
from ivr.pci.settings import PciConfig
from ivr.platform.settings.line import spoken_languages
from ivr.platform.settings.pay_verb import PAY_ATTEMPTS_MAX, PAY_CARD_TYPES, PAY_LANGUAGES
from ivr.platform.settings.reading import SettingsError
from ivr.platform.settings.web_settings import Config, load_config
from ivr.simulators.phone.pay_verb import ATTEMPTS_MAX, CARD_TYPES, LANGUAGES

ROOT = Path(__file__).parents[4]
DEVELOPMENT = {
    "ENVIRONMENT": "development",
    "DATABASE_URL": "sqlite:///town.db",
    "PUBLIC_URL": "http://127.0.0.1:8000/",
    "PCI_INTERNAL_URL": "http://127.0.0.1:8001",
    "INTERNAL_SECRET": "5b41f0c7e9d2a4863b5e0f1c7d8a92e3",
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": "token",
    "GATEWAY": "sandbox",
    "CHANNEL": "console",
}
PRODUCTION = DEVELOPMENT | {
    "ENVIRONMENT": "production",
    "PUBLIC_URL": "https://pay.example.org",
    "CHANNEL": "sms",
    "SMS_FROM": "+34910000000",
    "MERCHANT_NAME": "Example Town Hall",
}


def faults(**changes: str) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        load_config(DEVELOPMENT | changes)
    return str(refused.value).splitlines()


def test_development_needs_little() -> None:
    config = load_config(DEVELOPMENT)
    assert config.public_url == "http://127.0.0.1:8000"
    assert config.line.languages == ("en", "es")
    assert config.gateway_settings == SandboxSettings("http://127.0.0.1:8099", "tokenize", Secret(""))
    assert not config.in_production
    assert not config.metrics_token
    assert "db-pass" not in repr(
        load_config(DEVELOPMENT | {"DATABASE_URL": "postgresql://me:db-pass@host/town"})
    )


PAY = {"CARD_ENTRY": "pay", "PCI_INTERNAL_URL": "", "INTERNAL_SECRET": ""}


def test_carrier_card_entry_needs_no_pci_process() -> None:
    config = load_config(DEVELOPMENT | PAY)
    assert config.carrier_takes_cards
    assert (config.pci_internal_url, config.internal_secrets) == ("", ())
    assert config.pay.card_types == ("visa", "mastercard", "amex")
    assert not load_config(DEVELOPMENT).carrier_takes_cards


@pytest.mark.parametrize("name", ["PCI_INTERNAL_URL", "INTERNAL_SECRET"])
def test_where_our_own_process_takes_them_it_is(name: str) -> None:
    for mode in ({}, {"CARD_ENTRY": "gather"}):
        [told] = faults(**mode, **{name: ""})
        assert told.startswith(f"Set {name}: ")


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("SANDBOX_CARD_ENTRY", "authorize", "must be tokenize while CARD_ENTRY is pay"),
        ("PAY_CONNECTOR", "my connector", "unique name"),
        ("PAY_LANGUAGE", "en=en-GB", "for each of LANGUAGES"),
        ("PAY_LANGUAGE", "en=en-GB,es=ca-ES", "es-MX"),
        ("PAY_LANGUAGE", "en", "pairs like"),
        ("PAY_CARD_TYPES", "visa unionpay", "diners-club, enroute, separated by spaces"),
        ("PAY_CARD_TYPES", ",", "diners-club"),
        ("PAY_MAX_ATTEMPTS", "4", "from 1 to 3"),
        ("PAY_MAX_ATTEMPTS", "0", "from 1 to 3"),
        ("PAY_TIMEOUT_S", "0", "from 1 to 60"),
        ("PAY_TIMEOUT_S", "61", "1 to 60"),
    ],
)
def test_what_the_carriers_card_entry_cannot_take(name: str, value: str, part: str) -> None:
    told = faults(**PAY | {name: value})
    assert len(told) == 1
    assert re.match(rf".*\b{name}\b|Set ", told[0]), told
    assert part in told[0]


def test_carrier_card_entry_needs_a_connector_for_the_gateway() -> None:
    told = faults(**PAY | {"GATEWAY": "piggybank"})
    assert any(
        "set GATEWAY to stripe or sandbox, for which the carrier has a connector" in one for one in told
    )


def test_kinds_of_card_are_read_as_people_write_them() -> None:
    config = load_config(DEVELOPMENT | PAY | {"PAY_CARD_TYPES": "Visa, amex  visa"})
    assert config.pay.card_types == ("visa", "amex")


@pytest.mark.parametrize("mode", ["gather", "pay"])
def test_production_wants_https_in_either_mode(mode: str) -> None:
    told = faults(**PRODUCTION | {"CARD_ENTRY": mode, "PUBLIC_URL": "http://pay.example.org"})
    assert "PUBLIC_URL is 'http://pay.example.org'; it must begin with https:// in production." in told
    told = faults(**PRODUCTION | {"CARD_ENTRY": mode, "PCI_INTERNAL_URL": "http://10.0.0.1:8001"})
    assert any("PCI_INTERNAL_URL" in one for one in told) is (mode == "gather")


def test_the_attributes_of_pay_are_those_that_the_phone_knows() -> None:
    """Two lists, because the phone imports nothing of the server; both are the carrier's."""
    assert (PAY_CARD_TYPES, PAY_LANGUAGES, PAY_ATTEMPTS_MAX) == (CARD_TYPES, LANGUAGES, ATTEMPTS_MAX)


def test_there_is_no_pci_process_to_serve() -> None:
    """Clearly, with the status of whatever an operator can mend, and without looking at any other setting."""
    done = CliRunner().invoke(main, ["serve", "pci"], env={"CARD_ENTRY": "pay"})
    assert done.exit_code == 2
    assert "There is no PCI process with CARD_ENTRY=pay" in done.output


def test_a_release_without_a_pci_database(tmp_path: Path) -> None:
    environ = {"DATABASE_URL": f"sqlite:///{tmp_path}/town.db", "PCI_DATABASE_URL": ""}
    refused = CliRunner().invoke(main, ["migrate"], env=environ | {"CARD_ENTRY": "gather"})
    assert (refused.exit_code, "Set PCI_DATABASE_URL" in refused.output) == (2, True)
    done = CliRunner().invoke(main, ["migrate"], env=environ | {"CARD_ENTRY": "pay"})
    assert done.exit_code == 0, done.output
    assert [path.name for path in tmp_path.glob("*.db")] == ["town.db"]


def test_the_list_of_settings_says_what_is_not_needed() -> None:
    shown = CliRunner().invoke(main, ["config"], env=DEVELOPMENT | PAY)
    lines = shown.output.splitlines()
    for name in ("PCI_INTERNAL_URL", "INTERNAL_SECRET", "PCI_DATABASE_URL", "PCI_PUBLIC_URL"):
        assert f"{name} = not needed with CARD_ENTRY=pay" in lines


def test_what_must_be_set_is_told_all_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        load_config({})
    told = str(refused.value).splitlines()
    needed = {one.name for one in settings_of(Config) if one.default is None}
    assert {line.split()[1].rstrip(":") for line in told} == needed
    assert all(line.startswith("Set ") for line in told)


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("ENVIRONMENT", "prod", "must be development or production"),
        ("DATABASE_URL", "town.db", "sqlite:///"),
        ("DATABASE_URL", "sqlite:///:memory:", "must name a file"),
        ("PUBLIC_URL", "pay.example.org", "begins with https://"),
        ("PUBLIC_URL", "https://", "begins with https://"),
        ("PUBLIC_URL", "https://pay.example.org:port", "as port"),
        ("PUBLIC_URL", "https://pay.example.org?x=1", "without ?"),
        ("INTERNAL_SECRET", "short", "32 random characters"),
        ("INTERNAL_SECRET", "5b41f0c7e9d2a4863b5e0f1c7d8a92e3" + ",short", "32 random characters"),
        ("TWILIO_AUTH_TOKEN", "one,two,three", "one value, or two"),
        ("TWILIO_AUTH_TOKEN", ",", "not a comma"),
        ("PERSON_NUMBER", "910000000", "E.164"),
        ("HOME_COUNTRY", "Spain", "two capital letters"),
        ("LANGUAGES", "en,fr", "one or more of en, es"),
        ("LANGUAGES", ",", "one or more of en, es"),
        ("LANGUAGE_BY_NUMBER", "+34910000000=fr", "one of LANGUAGES"),
        ("LANGUAGE_BY_NUMBER", "910000000=es", "E.164"),
        ("LANGUAGE_BY_NUMBER", "+34910000000", "pairs like"),
        ("SAY_LANGUAGE", "en=", "pairs like"),
        ("RECORDINGS", "nowhere.toml", "exists"),
        ("GUESSES_MAX", "many", "whole number"),
        ("GUESSES_MAX", "-1", "GUESSES_MAX is '-1'; it must be a whole number, 1 or more."),
        ("GUESSES_MAX", "0", "1 or more"),
        ("GATEWAY", "piggybank", "sandbox or stripe"),
        (
            "CARD_DECLINES_MAX_CALL",
            "-1",
            "CARD_DECLINES_MAX_CALL is '-1'; it must be a whole number, 1 or more.",
        ),
        ("CARD_BREAKER_DECLINES_PERCENT", "101", "from 1 to 100"),
        ("OUTCOME_URL", "town.example/paid", "https://"),
        ("BILL_LOOKUP_URL", "https://town.example:port/x?key=hush", "as port"),
        ("MERCHANT_SECRET", "short", "32 random characters"),
        ("METRICS_TOKEN", "a", "32 random characters"),
        ("SANDBOX_WEBHOOK_SECRET", "a" * 40, "without repetition"),
        ("MERCHANT_SECRET", "changeme-changeme-changeme-changeme", "usual words"),
        (
            "METRICS_TOKEN",
            DEVELOPMENT["INTERNAL_SECRET"],
            "INTERNAL_SECRET and METRICS_TOKEN have the same value",
        ),
        ("SMS_FROM", "my shop's own long name", "E.164"),
        ("SMS_FROM", "600000001 ext", "E.164"),
        ("CHANNEL", "sms", "SMS_FROM"),
        ("BILL_LOOKUP_URL", "https://town.example/bills", "MERCHANT_SECRET"),
        ("OUTCOME_URL", "https://town.example/paid", "MERCHANT_SECRET"),
        ("PROMETHEUS_MULTIPROC_DIR", "/nowhere/at/all", "exists"),
        ("LOG_LEVEL", "loud", "debug, info"),
    ],
)
def test_a_setting_that_cannot_work_is_told_in_one_sentence(name: str, value: str, part: str) -> None:
    told = faults(**{name: value})
    assert len(told) == 1
    assert re.match(rf".*\b{name}\b|Set ", told[0]), told
    assert part in told[0]


@pytest.mark.parametrize("sender", ["+34910000000", "MG" + "a" * 32, "21212", "Town Hall"])
def test_texts_can_come_from(sender: str) -> None:
    assert load_config(DEVELOPMENT | {"SMS_FROM": sender}).sms_from == sender


def test_a_secret_is_never_repeated() -> None:
    told = "\n".join(
        faults(INTERNAL_SECRET="hush-hush", TWILIO_AUTH_TOKEN="quiet,quiet,quiet", GATEWAY="sandbox")
    )
    assert "hush" not in told
    assert "quiet" not in told
    assert "pass" not in "\n".join(faults(PUBLIC_URL="https://user:pass@pay.example.org"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_URL", "http://pay.example.org"),
        ("TWILIO_API_BASE", "http://carrier.example.org"),
        ("STRIPE_API_BASE", "http://gateway.example.org"),
        ("BILL_LOOKUP_URL", "http://town.example/bills"),
        ("OUTCOME_URL", "HTTP://town.example/paid"),
    ],
)
def test_production_refuses_plain_http_however_it_is_written(name: str, value: str) -> None:
    told = faults(**PRODUCTION | {"MERCHANT_SECRET": "7d3e91c05af24b68c1d09e7f3a5b8246", name: value})
    assert f"{name} is {value!r}; it must begin with https:// in production." in told


def test_production_refuses_what_is_for_development() -> None:
    told = "\n".join(faults(ENVIRONMENT="production"))
    for part in (
        "PUBLIC_URL is 'http://127.0.0.1:8000'; it must begin with https:// in production.",
        "GATEWAY is 'sandbox'; it must be a real gateway in production.",
        "CHANNEL is 'console'; it must be sms in production.",
        "Set MERCHANT_NAME: the merchant's name as callers hear it; 'Demo Town Hall', its default",
    ):
        assert part in told
    with pytest.raises(SettingsError) as refused:
        load_config(
            PRODUCTION
            | {"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_API_BASE": "http://carrier", "GATEWAY": "sandbox"}
        )
    assert len(str(refused.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("environment", "key", "part"),
    [
        ("production", "sk_test_1", "live key"),
        ("production", "", "secret key"),
        ("production", "pk_live_1", "secret key"),
        ("development", "sk_live_1", "test key"),
        ("development", "rk_live_1", "test key"),
    ],
)
def test_a_stripe_key_of_the_wrong_kind_is_refused_and_not_repeated(
    environment: str, key: str, part: str
) -> None:
    there = PRODUCTION if environment == "production" else DEVELOPMENT
    told = faults(**there | {"GATEWAY": "stripe", "STRIPE_API_KEY": key})
    assert len(told) == 1
    assert told[0].startswith("STRIPE_API_KEY")
    assert part in told[0]
    assert not key or key not in told[0]


@pytest.mark.parametrize("key", ["sk_test_1", "rk_test_1"])
def test_stripe_is_set_up_by_its_own_settings(key: str) -> None:
    settings = load_config(
        DEVELOPMENT | {"GATEWAY": "stripe", "STRIPE_API_KEY": key, "STRIPE_WEBHOOK_SECRET": "whsec_a,whsec_b"}
    ).gateway_settings
    assert isinstance(settings, StripeSettings)
    assert settings.api_key.reveal() == key
    assert [one.reveal() for one in settings.webhook_secrets] == ["whsec_a", "whsec_b"]
    assert (settings.moto, settings.card_entry) == (False, "tokenize")


@pytest.mark.parametrize("secret", ["we_1", "whsec_a,b"])
def test_what_is_no_signing_secret_of_stripe_is_refused(secret: str) -> None:
    told = faults(GATEWAY="stripe", STRIPE_API_KEY="sk_test_1", STRIPE_WEBHOOK_SECRET=secret)
    assert len(told) == 1
    assert told[0].startswith("STRIPE_WEBHOOK_SECRET must be the signing secret")
    assert "we_1" not in told[0]


def test_the_carriers_tokens_are_charged_and_never_authorized() -> None:
    stripe = {"GATEWAY": "stripe", "STRIPE_API_KEY": "sk_test_1", "STRIPE_CARD_ENTRY": "authorize"}
    assert faults(**stripe, CARD_ENTRY="pay") == [
        "STRIPE_CARD_ENTRY is 'authorize'; it must be tokenize while CARD_ENTRY is pay."
    ]


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("MERCHANT_PHONE", "910 000 000", "MERCHANT_PHONE is '910 000 000'; it must be a number in E.164"),
        ("TIME_ZONE", "Europe/Madrd", "such as Europe/Madrid"),
        ("TIME_ZONE", "CET", "such as Europe/Madrid"),
        ("TIME_ZONE", "../../etc/passwd", "such as Europe/Madrid"),
    ],
)
def test_what_payers_are_told_of_the_merchant_is_checked(name: str, value: str, part: str) -> None:
    (told,) = faults(**{name: value})
    assert name in told
    assert part in told


def test_languages_are_those_with_prompts() -> None:
    assert spoken_languages() == ("en", "es")


def test_a_setting_of_both_lists_means_the_same_in_both() -> None:
    ours = {one.name: one for one in settings_of(Config)}
    for theirs in settings_of(PciConfig):
        if theirs.name in ours:
            mine = ours[theirs.name]
            assert (theirs.help, theirs.default, theirs.secret) == (mine.help, mine.default, mine.secret), (
                mine.name
            )


def test_the_page_of_settings_is_true() -> None:
    assert (ROOT / "docs" / "settings.md").read_text() == markdown(), (
        "write it again: paybycall config --markdown > docs/settings.md"
    )


def test_every_setting_is_on_the_page_with_a_sentence() -> None:
    for one in every_setting():
        assert f"`{one.setting.name}`" in markdown()
        assert one.setting.help.endswith("."), one.setting.name
        assert one.setting.secret or not any(
            word in one.setting.name for word in ("SECRET", "TOKEN", "API_KEY")
        )


def test_the_command_shows_values_and_no_secret() -> None:
    environ = DEVELOPMENT | {
        "TWILIO_AUTH_TOKEN": "hush",
        "DATABASE_URL": "postgresql://town:pass%40word@db:5432/town?sslkey=pass",
        "OUTCOME_URL": "https://town.example/paid?key=pass",
        "GUESSES_MAX": "many",
    }
    shown = CliRunner().invoke(main, ["config"], env=environ)
    assert shown.exit_code == 0
    lines = shown.output.splitlines()
    assert f"TWILIO_AUTH_TOKEN = {MASK}" in lines
    assert "DATABASE_URL = postgresql://***@db:5432/town?***" in lines
    assert "OUTCOME_URL = https://town.example/paid?***" in lines
    assert "GUESSES_MAX = many, wrong: it must be a whole number, 1 or more" in lines
    assert "LANGUAGES = en,es, the default" in lines
    environ["DATABASE_URL"] = "postgresql://town:pass@word@db:5432/town"
    shown_wrong = CliRunner().invoke(main, ["config"], env=environ).output
    assert "DATABASE_URL = wrong: it must have @ only once" in shown_wrong
    assert "pass@" not in shown_wrong
    assert "PCI_DATABASE_URL = not set, but required" in lines
    assert not any(word in shown.output for word in ("hush", "pass%40", "pass@", "key=pass"))


@pytest.mark.parametrize("minutes", ["0", "29", "1431", "1440"])
def test_a_link_lives_as_long_as_gateways_allow(minutes: str) -> None:
    assert faults(LINK_EXPIRES_MIN=minutes) == [
        f"LINK_EXPIRES_MIN is {minutes!r}; it must be a whole number from 30 to 1430."
    ]
    assert load_config(DEVELOPMENT).link_expires_min == 60
    for fits in (30, 1430):
        assert load_config(DEVELOPMENT | {"LINK_EXPIRES_MIN": str(fits)}).link_expires_min == fits
