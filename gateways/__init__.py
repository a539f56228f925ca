"""How money moves: one folder per gateway, every one held to one contract.

May import the standard library, HTTP and gateway libraries, and `gateways` itself: nothing of `ivr` or
`flows`. A gateway's folder imports `gateways.contract`, `declines`, `secret`, `capability` and its own files,
never another gateway.
"""
