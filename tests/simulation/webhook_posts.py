"""How the gateway of a world tells what it did: before its own answer or late, twice, in any order.

It goes on asking until somebody has taken the news, or its patience is over.
"""

from dataclasses import dataclass

from tests.simulation.chance import Chance
from tests.simulation.network import Network, Request
from tests.simulation.scheduler import Scheduler
from tests.simulation.simulated_gateway import PendingWebhook, SimulatedGateway
from tests.support.phone import WEB


@dataclass
class WebhookPoster:
    """Brings the gateway's news to the server."""

    scheduler: Scheduler
    chance: Chance
    network: Network
    bank: SimulatedGateway

    def hear(self) -> None:
        """The gateway tells what it did: before its own answer, late, twice, in any order."""
        chance = self.chance
        for news in self.bank.news():
            delay_s = chance.one_of([0.0, 0.5, 5.0, 60.0, 400.0]) if not chance.healed else 1.0
            self.scheduler.spawn("news", lambda news=news: self._bring(news), delay_s=delay_s)
            if chance.strikes(chance.rates.gateway):
                later_s = chance.seconds(0.0, 300.0)
                self.scheduler.spawn("news", lambda news=news: self._bring(news), delay_s=later_s)

    def _bring(self, news: PendingWebhook) -> None:
        """Until somebody has taken it, or the gateway loses patience."""
        url = f"{WEB}/gateways/{news.gateway}/webhook"
        for wait_s in (20.0, 60.0, 300.0, 1800.0):
            answer = self.network.exchange(Request("POST", url, *news.posted()), 10.0)
            if answer is not None and 200 <= answer.status < 300:
                return
            self.scheduler.sleep(wait_s)
