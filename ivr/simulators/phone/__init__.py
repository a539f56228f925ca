"""The phone: rings the server and runs its TwiML as a carrier does, for a person and for every test.

    settings = CallSettings.to_server("http://127.0.0.1:8000", ids=ids, ...)
    run_terminal(settings)

- `engine`: `Call.run()` is one call, from the first ring to the status callback
- `webhooks`, `transport`: the form, its signature, the repeat, the fallback; how it travels
- `schema`, `verbs`, `values`: what TwiML may look like, derived from the twilio library; what this phone runs
- `keys`: numDigits, finishOnKey, early keys, dots for what must not be seen
- `pay_verb`, `pay`, `cards`: the carrier's own card entry; `connectors`: where it gets a token for the card
- `events`, `printer`: what happens on the line, and how it reads on a screen
- `demo`, `terminal`: who holds the handset: a payer, a person

What a carrier does, this phone does: it signs with the auth token, resolves relative URLs against the
document's, drops fragments, repeats a webhook that never arrived, follows a hundred redirects in a row and no
more, lets a key cut a prompt in a Gather short, carries keys that a Gather did not want into the next one,
loses those pressed outside a Gather (unless told that this carrier keeps them), asks the fallback URL about a
broken answer (with the keys again), and reports the end of the call.

What it does not: GET webhooks, speech, recordings, conferences, a `<Pay>` that charges by itself. A document
that asks for them is refused by name, as is one that the schema refuses. Nothing keyed under `/pci/` or into
a `<Pay>` appears in an event or on the screen.
"""
