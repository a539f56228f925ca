"""The HTTP server of web and pci: waitress in worker processes, under a parent that holds the socket.

The parent (`parent`) never runs the application. Workers (`worker`) are replaced, and a whole server hands
over to its successor (`handover`), without a connection being refused. See docs/decisions/0013.
"""
