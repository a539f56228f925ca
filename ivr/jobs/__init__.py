"""Durable background work: asked for in the transaction of the row that causes it, done by any living worker.

Other packages ask by `ivr.jobs.job_list`. Only what composes a process builds `ivr.jobs.enqueue.DurableWork`
or `ivr.jobs.worker.Worker`. dbos is loaded inside functions: it costs nearly a second, and a web process
starts often.
"""
