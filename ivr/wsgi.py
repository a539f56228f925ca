"""Keeps the process environment out of every WSGI environ.

May import nothing of ours. The web server copies all of `os.environ`, secrets included, into the environ of
each request, where an error page, a trace or a log line can show it. What passes is what WSGI and CGI name,
and the request's own headers; a variable of the process that is named like a header (`HTTP_PROXY`) is taken
out by its name.
"""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_KNOWN = frozenset(
    {
        "CONTENT_LENGTH",
        "CONTENT_TYPE",
        "GATEWAY_INTERFACE",
        "PATH_INFO",
        "QUERY_STRING",
        "REMOTE_ADDR",
        "REMOTE_PORT",
        "REQUEST_METHOD",
        "SCRIPT_NAME",
        "SERVER_NAME",
        "SERVER_PORT",
        "SERVER_PROTOCOL",
        "SERVER_SOFTWARE",
    }
)
_KNOWN_PREFIXES = ("wsgi.", "werkzeug.", "HTTP_")


def strip_environment(
    app: "WSGIApplication", process_variables: Collection[str] = ("HTTP_PROXY",)
) -> "WSGIApplication":
    """The application behind a wall: `process_variables` are the process's own, which never pass."""
    hidden = frozenset(process_variables) - _KNOWN | {"HTTP_PROXY"}

    def stripped(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        kept = {
            name: value
            for name, value in environ.items()
            if name not in hidden and (name in _KNOWN or name.startswith(_KNOWN_PREFIXES))
        }
        return app(kept, start_response)

    return stripped
