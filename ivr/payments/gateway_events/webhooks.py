"""The route of the gateway's webhooks: `POST /gateways/<name>/webhook`, signed by the gateway.

The adapter proves the signature over the raw body; a body that it does not accept gets 400 and changes
nothing. Nothing of a body is logged or kept but the event's id and kind. A fault of ours is a 500: the
gateway sends it again later.
"""

import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, NotFound

from gateways.contract import Gateway
from gateways.events import InvalidWebhookError
from ivr.payments.gateway_events.service import GatewayEventService

BODY_BYTES_MAX = 1_000_000
log = structlog.get_logger()


def make_blueprint(gateway: Gateway, notices: GatewayEventService) -> Blueprint:
    """The route of this installation's gateway; every other name is not found."""
    routes = Blueprint("gateway", __name__)

    @routes.post("/gateways/<name>/webhook")
    def webhook(name: str) -> Response:
        if name != gateway.name or not gateway.capabilities.webhooks:
            raise NotFound("There is no gateway with this name.")
        request.max_content_length = BODY_BYTES_MAX
        try:
            heard = gateway.parse_webhook(dict(request.headers), request.get_data())
        except InvalidWebhookError as fault:
            log.warning("gateway_notice_refused", gateway=name, fault=str(fault))
            raise BadRequest("This is not a valid webhook of the gateway.") from None
        notices.take(heard)
        return Response(status=204)

    return routes
