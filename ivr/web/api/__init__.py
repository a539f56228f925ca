"""The JSON API for the merchant's programs: bills in, payments out, refunds asked for; described by its own
OpenAPI document.

Every request needs a key (`keys`), every fault is a problem document (`problem`), and every route stands in
`openapi`: a test holds each answer against it.
"""
