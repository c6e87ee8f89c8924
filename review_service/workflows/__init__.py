"""Use cases: one function, one transaction, its events in the log, or nothing at all."""
