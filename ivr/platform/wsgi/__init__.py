"""The HTTP server of web and pci: waitress in worker processes, under a parent that holds the socket.

The parent (`parent`) never runs the application. It replaces workers (`worker`), and a server hands over to
its successor (`handover`), without refusing a connection. See docs/decisions/0013.
"""
