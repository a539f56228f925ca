"""The settings of web and worker, read once when a process starts.

`load` refuses settings that cannot work and says what is wrong with each. `ivr.platform.settings.listed`
lists them, `ivr.platform.settings.faults` checks them together; the PCI process has its own in
`ivr.pci.settings`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from gateways.secret import Secret
from ivr.platform.settings.declaration import SettingsError, read_all
from ivr.platform.settings.faults import faults_of, languages_of, wording_of
from ivr.platform.settings.listed import ALL, DEFENCES
from ivr.platform.wording import Wording


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting, typed. See `paybycall config` for what each means."""

    environment: str
    database_url: str = field(repr=False)
    """May hold a password."""
    public_url: str
    pci_internal_url: str
    internal_secrets: tuple[Secret, ...]
    log_level: str
    twilio_account_sid: str
    twilio_auth_tokens: tuple[Secret, ...]
    twilio_api_base: str
    card_entry: str
    """gather or pay."""
    pay_connector: str
    pay_language: Mapping[str, str]
    pay_card_types: tuple[str, ...]
    pay_timeout_s: int
    pay_max_attempts: int
    merchant_name: str
    merchant_phone: str
    time_zone: tzinfo
    wording: Wording
    person_number: str
    home_country: str
    languages: tuple[str, ...]
    language_by_number: Mapping[str, str]
    say_language: Mapping[str, str]
    say_voice: Mapping[str, str]
    recordings: str
    other_ways_to_pay: Mapping[str, str]
    reference_place: Mapping[str, str]
    guesses_max: int
    guesses_max_withheld: int
    gateway: str
    gateway_settings: Mapping[str, Any]
    """The settings whose names begin with the gateway's, as its adapter's `from_settings` takes them."""
    saved_cards: bool
    link_expires_min: int
    channel: str
    sms_from: str
    bill_lookup_url: str
    outcome_url: str
    merchant_secrets: tuple[Secret, ...]
    metrics_token: Secret
    metrics_dir: str
    defences: Mapping[str, int]
    """The settings of `DEFENCES`, by name, as `ivr.fraud.limits.FraudLimits` takes them."""

    @property
    def in_production(self) -> bool:
        return self.environment == "production"

    @property
    def carrier_takes_cards(self) -> bool:
        return self.card_entry == "pay"


def load(environ: Mapping[str, str]) -> Config:
    """The settings out of the environment; raises SettingsError with a sentence for each fault."""
    values = read_all(ALL, environ)
    prefix = values["GATEWAY"].upper() + "_"
    config = Config(
        environment=values["ENVIRONMENT"],
        database_url=values["DATABASE_URL"],
        public_url=values["PUBLIC_URL"],
        pci_internal_url=values["PCI_INTERNAL_URL"],
        internal_secrets=values["INTERNAL_SECRET"],
        log_level=values["LOG_LEVEL"],
        twilio_account_sid=values["TWILIO_ACCOUNT_SID"],
        twilio_auth_tokens=values["TWILIO_AUTH_TOKEN"],
        twilio_api_base=values["TWILIO_API_BASE"],
        card_entry=values["CARD_ENTRY"],
        pay_connector=values["PAY_CONNECTOR"],
        pay_language=values["PAY_LANGUAGE"],
        pay_card_types=values["PAY_CARD_TYPES"],
        pay_timeout_s=values["PAY_TIMEOUT_S"],
        pay_max_attempts=values["PAY_MAX_ATTEMPTS"],
        merchant_name=values["MERCHANT_NAME"],
        merchant_phone=values["MERCHANT_PHONE"],
        time_zone=values["TIME_ZONE"],
        wording=wording_of(values),
        person_number=values["PERSON_NUMBER"],
        home_country=values["HOME_COUNTRY"],
        languages=languages_of(values),
        language_by_number=values["LANGUAGE_BY_NUMBER"],
        say_language=values["SAY_LANGUAGE"],
        say_voice=values["SAY_VOICE"],
        recordings=values["RECORDINGS"],
        other_ways_to_pay=values["OTHER_WAYS_TO_PAY"],
        reference_place=values["REFERENCE_PLACE"],
        guesses_max=values["GUESSES_MAX"],
        guesses_max_withheld=values["GUESSES_MAX_WITHHELD"],
        gateway=values["GATEWAY"],
        gateway_settings={name: value for name, value in values.items() if name.startswith(prefix)},
        saved_cards=values["SAVED_CARDS"] == "yes",
        link_expires_min=values["LINK_EXPIRES_MIN"],
        channel=values["CHANNEL"],
        sms_from=values["SMS_FROM"],
        bill_lookup_url=values["BILL_LOOKUP_URL"],
        outcome_url=values["OUTCOME_URL"],
        merchant_secrets=values["MERCHANT_SECRET"],
        metrics_token=values["METRICS_TOKEN"],
        metrics_dir=values["PROMETHEUS_MULTIPROC_DIR"],
        defences={one.name: values[one.name] for one in DEFENCES},
    )
    faults = faults_of(values)
    if faults:
        raise SettingsError("\n".join(faults))
    return config
