"""h's worker: the outbox relay, the event consumer, Celery tasks, mail and the schedule."""
