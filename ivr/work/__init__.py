"""Durable background work: asked for in the transaction of the row that causes it, finished by whoever lives.

This room may import `ivr.storage.engine`, `ivr.clock` and `ivr.ids`, and it alone imports dbos. Other rooms
import `ivr.work.jobs` to ask for work, and nothing else of it: only what composes a process builds
`ivr.work.enqueue.DurableWork` (every process) or `ivr.work.worker.Worker` (the worker). dbos is loaded inside
functions, since it costs nearly a second and a web process starts often.
"""
