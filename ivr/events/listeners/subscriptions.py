"""The one list of who listens to what, and how it is built."""

from collections.abc import Callable

from ivr.events.emitter import Events, on
from ivr.events.listeners.payer_messages import PayerMessages
from ivr.events.listeners.payment_webhooks import PaymentWebhooks
from ivr.events.listeners.timeline_entries import TimelineEntries
from ivr.events.payment_events import (
    CardNotSaved,
    CardSaved,
    LeftUnheard,
    LinkOpened,
    PaymentApproved,
    PaymentDeclined,
    PaymentDisputed,
    PaymentNeedsReview,
    PaymentNotCharged,
    PaymentUnknown,
    RefundApproved,
    RefundDeclined,
    SavedCardDeleted,
)
from ivr.fraud.guard import Guard
from ivr.jobs.job_list import Work
from ivr.payments.attempts.service import AttemptService
from ivr.payments.attempts.transitions import Transitions
from ivr.payments.links.store import LinkTerms
from ivr.platform.clock import Clock
from ivr.platform.ids import Ids
from ivr.platform.settings.line import PLAIN, Wording


def subscriptions(
    guard: Guard, messages: PayerMessages, timeline: TimelineEntries, webhooks: PaymentWebhooks
) -> Events:
    """Every event, and its listeners in the order in which they are called."""
    return Events.of(
        on(PaymentApproved, guard.approved, messages.receipt, timeline.payment, webhooks.payment),
        on(PaymentDeclined, guard.declined, messages.promised, timeline.payment, webhooks.payment),
        on(PaymentNotCharged, guard.not_charged, messages.promised, timeline.payment, webhooks.payment),
        on(LeftUnheard, messages.promised),
        on(LinkOpened, timeline.payment, messages.link),
        on(PaymentUnknown, timeline.payment, webhooks.payment),
        on(PaymentNeedsReview, timeline.payment, webhooks.payment),
        on(PaymentDisputed, timeline.payment, webhooks.dispute),
        on(RefundApproved, timeline.payment, webhooks.refund),
        on(RefundDeclined, timeline.payment, webhooks.refund),
        on(CardSaved, timeline.saved_card),
        on(CardNotSaved, timeline.saved_card),
        on(SavedCardDeleted, timeline.saved_card),
    )


def build_events(
    *,
    work: Work,
    clock: Clock,
    ids: Ids,
    guard: Guard,
    merchant_name: str,
    wording: Wording = PLAIN,
    channel: str,
    sends_webhooks: bool,
    gateway: str,
    dashboard_url: Callable[[str], str | None],
    links: LinkTerms | None = None,
) -> Events:
    """`channel` is how messages leave; `links` how payers are sent links, None where `gateway` has no payment
    pages; `dashboard_url` gives the page of the gateway's reference.
    """

    def built(makes_links: AttemptService | None) -> Events:
        return subscriptions(
            guard,
            PayerMessages(work, clock, ids, merchant_name, wording, channel, makes_links),
            TimelineEntries(clock),
            PaymentWebhooks(work, clock, ids, dashboard_url, is_on=sends_webhooks),
        )

    # A card's payment may be replaced by a link's, and a link's by nothing: so a link's payment is made with
    # listeners that send no link.
    return built(AttemptService(gateway, Transitions(work, clock, ids, built(None)), links, wording))
