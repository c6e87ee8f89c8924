"""Work too long for a request: queued in the transaction that asks for it, done by a worker.

A kind of job has three parts. `prepare` reads what is needed, `compute` works on that in a process
of its own without a database, `conclude` keeps the result in the very transaction that ends the
job: a job that is run twice, after a crash, still takes effect once.

`jobs.queue.enqueue` asks, `jobs.worker.Worker` does, `jobs.kinds.KINDS` lists. Nothing is imported
here: the process of a computation starts with this package and should start at once.
"""
