"""The problem document that every refusal is (RFC 9457)."""

from typing import Annotated, NotRequired, TypedDict

from ivr.web.api.documents.fields import Example, Keywords


class ProblemDocument(TypedDict):
    """Why a request was refused (RFC 9457)."""

    type: Annotated[str, Keywords(format="uri-reference"), Example("about:blank")]
    title: Annotated[str, Example("Bad Request")]
    status: Annotated[int, Keywords(minimum=400, maximum=599), Example(400)]
    code: Annotated[str, "For programs: its meaning never changes.", Example("bad_query")]
    detail: Annotated[
        str, "A sentence for the programmer.", Example("limit must be a whole number from 1 to 500.")
    ]
    field: NotRequired[Annotated[str, "The field, parameter or header at fault.", Example("limit")]]
    request_id: NotRequired[Annotated[str, "The name of this request in our log, as X-Request-Id."]]
