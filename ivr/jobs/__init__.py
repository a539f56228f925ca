"""Durable background work: asked for in the transaction of the row that causes it, finished by whoever lives.

Other rooms import `ivr.jobs.job_list` to ask for work, and nothing else of it: only what composes a process
builds `ivr.jobs.enqueue.DurableWork` (every process) or `ivr.jobs.worker.Worker` (the worker). dbos is loaded
inside functions, since it costs nearly a second and a web process starts often.
"""
