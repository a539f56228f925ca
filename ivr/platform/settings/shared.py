"""The settings that web and the PCI process both read, with the same value, and the rules about them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from gateways.setting_readers import mapping, one_of, secret, secrets, text, url
from gateways.settings import GatewaySettings, Setting, composed, settings_of, with_values
from ivr.platform.settings.reading import wrong

BY_CARRIER = ("CARD_ENTRY", "pay")
"""Where the carrier takes the cards there is no PCI process, and nothing of it need be set."""
ENVIRONMENT = Setting(
    "ENVIRONMENT",
    "development or production. Production refuses the sandbox gateway, plain http and the console channel.",
    one_of("development", "production"),
    "production",
)
PUBLIC_URL = Setting(
    "PUBLIC_URL", "The URL at which the carrier reaches the web process.", url, needs_tls=True
)
INTERNAL_SECRET = Setting(
    "INTERNAL_SECRET",
    "Signs requests between web and PCI. Use the same in both: 32 random characters or more.",
    secrets,
    secret=True,
    strong=True,
    unless=BY_CARRIER,
    absent=(),
)
LOG_LEVEL = Setting(
    "LOG_LEVEL",
    "The least severe log lines that are written: debug, info, warning or error.",
    one_of("debug", "info", "warning", "error"),
    "info",
)
METRICS_TOKEN = Setting(
    "METRICS_TOKEN",
    "The bearer token for /metrics of every process: 32 random characters or more. Empty: /metrics is "
    "refused in production, and open in development.",
    secret,
    "",
    secret=True,
    strong=True,
)
TWILIO_ACCOUNT_SID = Setting("TWILIO_ACCOUNT_SID", "The carrier account's id, which begins with AC.", text)
TWILIO_AUTH_TOKEN = Setting(
    "TWILIO_AUTH_TOKEN",
    "The carrier account's auth token. While it is rotated: two, separated by a comma.",
    secrets,
    secret=True,
)
PERSON_NUMBER = Setting(
    "PERSON_NUMBER", "The person whom `0` rings, in E.164 form such as +34910000000. Empty: nobody.", text, ""
)
SAY_LANGUAGE = Setting(
    "SAY_LANGUAGE", "The carrier's language code for each language.", mapping, "en=en-GB,es=es-ES"
)
SAY_VOICE = Setting(
    "SAY_VOICE",
    "The carrier's voice for each language, such as en=Polly.Amy-Neural,es=Polly.Lucia-Neural. Choose neural "
    "voices. Empty: the carrier's older standard voice speaks.",
    mapping,
    "",
)
GATEWAY = Setting("GATEWAY", "The payment gateway: stripe, or sandbox in development.", text)


@dataclass(frozen=True, slots=True)
class NoSettings(GatewaySettings):
    """Those of a gateway that there is not."""


def gateway_field(gateways: Callable[[], Mapping[str, type[GatewaySettings]]]) -> GatewaySettings:
    """A field with the settings of the gateway in use; those of the others are read and checked too.

    `gateways`: what each gateway declares, by the gateway's name.
    """
    return composed(
        lambda: [one for kind in gateways().values() for one in settings_of(kind)],
        lambda values: with_values(gateways().get(values["GATEWAY"], NoSettings), values),
    )


def gateway_faults(
    name: str, gateways: Mapping[str, type[GatewaySettings]], read: GatewaySettings, *, in_production: bool
) -> Iterator[str]:
    """What is wrong with GATEWAY and that gateway's settings. `gateways`: those that there are, by name."""
    if name not in gateways:
        yield wrong("GATEWAY", name, f"be {' or '.join(gateways)}")
    elif in_production and not read.is_live:
        yield wrong("GATEWAY", name, "be a real gateway in production")
    yield from read.faults(in_production=in_production)
