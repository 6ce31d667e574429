"""Runs Celery's worker in the calling (main) thread until the process is to end."""

import logging
from typing import Any, Literal

from celery import Celery
from celery.worker import WorkController, state
from celery.worker.consumer import Consumer

Pool = Literal["prefork", "threads"]

_EXIT_FAILURE = 1


class LeanConsumer(Consumer):  # type: ignore[misc]  # celery ships no types
    """Celery's consumer without native delayed delivery.

    That step declares 28 more quorum queues as soon as one queue is a quorum queue. Nothing here delays tasks in the
    broker: delays wait in the outbox.
    """

    class Blueprint(Consumer.Blueprint):  # type: ignore[misc]  # celery ships no types
        """The steps of a connection."""

        default_steps = tuple(step for step in Consumer.Blueprint.default_steps if "delayed_delivery" not in step)


def run_worker(app: Celery, *, pool: Pool) -> int:
    """Run tasks until `stop_worker`; running tasks are finished first. Return the exit status.

    Args:
        app: From `app.create_app`, with a context.
        pool: `prefork` runs tasks in child processes and enforces time limits; `threads` costs one process's memory.
    """
    for chatty in ("celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(chatty).setLevel(logging.WARNING)  # tasks say themselves what they did
    app.set_default()  # the threads of a pool look tasks up in the default app
    controller = WorkController(
        app=app,
        pool_cls=pool,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        ready_callback=_wake_often,
        quiet=True,
    )
    controller.start()
    return int(controller.exitcode or 0)


def stop_worker(*, failed: bool = False) -> None:
    """End `run_worker`; safe in a signal handler and from any thread."""
    state.should_stop = _EXIT_FAILURE if failed else 0


def _wake_often(consumer: Any) -> None:
    """Have the event loop look every second whether it is to stop; on an idle connection it may sleep for ten."""
    if consumer.hub is not None:
        consumer.hub.call_repeatedly(1.0, lambda: None)
