"""How money moves: one folder per gateway, every one held to one contract.

A gateway's folder imports `gateways.contract`, `declines`, `secret`, `capability` and its own files, never
another gateway.
"""
