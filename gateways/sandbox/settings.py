"""The settings of the sandbox bank."""

from dataclasses import dataclass

from gateways.secret import Secret
from gateways.setting_readers import one_of, secret, url
from gateways.settings import GatewaySettings, Setting, field_of, setting

_URL = Setting("SANDBOX_URL", "The URL of the sandbox bank.", url, "http://127.0.0.1:8099")


@dataclass(frozen=True, slots=True)
class SandboxSettings(GatewaySettings):
    """Of web and worker."""

    is_live = False
    has_connector = True
    """The simulated phone plays one."""

    url: str = field_of(_URL)
    card_entry: str = setting(
        "SANDBOX_CARD_ENTRY",
        "How the sandbox takes cards: tokenize (charge later), or authorize (reserve the amount at once).",
        one_of("tokenize", "authorize"),
        "tokenize",
    )
    webhook_secret: Secret = setting(
        "SANDBOX_WEBHOOK_SECRET",
        "Signs the sandbox bank's webhooks: 32 random characters or more, the same at the bank. Empty: it "
        "sends none.",
        secret,
        "",
        secret=True,
        strong=True,
    )


@dataclass(frozen=True, slots=True)
class SandboxCardSettings(GatewaySettings):
    """Of the PCI process."""

    is_live = False

    url: str = field_of(_URL)


SETTINGS = SandboxSettings
