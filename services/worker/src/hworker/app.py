"""The Celery app: a durable queue of late-acknowledged JSON messages, and nothing of Celery that is not needed.

No results, no remote control, no events, no gossip: a task's outcome is in PostgreSQL and in the log.
"""

import time
from typing import Any

from celery import Celery, Task, signals
from celery.exceptions import OperationalError as CeleryOperationalError
from hcommon.bus.publisher import CONFIRM_TIMEOUT_SECONDS, BrokerUnavailableError
from hcommon.bus.topology import REDIS_SOCKET_TIMEOUT_SECONDS
from hcommon.events.base import Event
from hcommon.logging import get_logger
from kombu import Exchange, Queue
from kombu.exceptions import OperationalError

from hworker.context import Context
from hworker.settings import TASK_QUEUE, Settings
from hworker.tasks.registry import EVENT_TASKS, PERIODIC_TASKS, run_event_task, run_periodic_task

_log = get_logger(__name__)


def create_app(settings: Settings, *, context: Context | None = None) -> Celery:
    """Return the app.

    Args:
        settings: Where the broker is, and limits.
        context: What tasks work with; None for a process that queues tasks and runs none.
    """
    app = Celery("hworker", set_as_current=False, broker=settings.task_broker_url, backend=None)
    app.conf.update(_configuration(settings))
    if context is not None:
        for name in EVENT_TASKS:
            _register(app, name, run_event_task, context)
        for name in PERIODIC_TASKS:
            _register(app, name, run_periodic_task, context)
    signals.setup_logging.connect(_keep_our_logging)
    app.finalize()
    return app


class TaskQueue:
    """Queues tasks; the only place that does.

    RabbitMQ out of memory takes messages and confirms none, and each try leaves one that it has after all when it
    recovers. So whoever comes soon after a confirm that did not is refused at once, without a try.
    """

    def __init__(self, app: Celery, *, confirm_timeout_seconds: float = CONFIRM_TIMEOUT_SECONDS) -> None:
        """Prepare; nothing connects yet.

        Args:
            app: From `create_app`.
            confirm_timeout_seconds: How long RabbitMQ is waited for, and how long nothing is tried after that.
        """
        self._app = app
        self._confirm_timeout_seconds = confirm_timeout_seconds
        self._refuse_until = 0.0
        connection = app.connection_for_write()
        self._errors = (
            OperationalError,
            CeleryOperationalError,
            *connection.connection_errors,
            *connection.channel_errors,
        )

    def send_event(self, name: str, *, event: Event, attempts: int) -> None:
        """Queue a task that carries out an event, and wait until the broker has it.

        Raises:
            BrokerUnavailableError: The broker is away, or did not confirm the task, which may run nevertheless.
        """
        values = {"event_type": event.TYPE, "payload": event.model_dump_json(), "attempts": attempts}
        self._send(name, values)
        _log.info("task_queued", task=name, type=event.TYPE)  # the consumer has bound the event's and request's ids

    def send_periodic(self, name: str) -> None:
        """Queue a task of the schedule; of those that pile up one is run.

        Raises:
            BrokerUnavailableError: Likewise.
        """
        self._send(name, {})

    def _send(self, name: str, values: dict[str, Any]) -> None:
        started, limit = time.monotonic(), self._confirm_timeout_seconds
        if started < self._refuse_until:
            raise BrokerUnavailableError("The broker of the tasks did not confirm a message lately.")
        options = {"ignore_result": True, "retry": False, "timeout": limit, "confirm_timeout": limit}
        try:
            with self._app.producer_or_acquire() as producer:
                try:
                    self._app.send_task(name, kwargs=values, producer=producer, **options)
                except self._errors:
                    # Closing in order would wait for an answer; kept, a late confirm would count for the next message.
                    producer.connection.collect()
                    raise
        except self._errors as error:
            if (now := time.monotonic()) >= started + limit:
                self._refuse_until = now + limit
            raise BrokerUnavailableError("The broker of the tasks is not available.") from error


def _configuration(settings: Settings) -> dict[str, Any]:
    is_amqp = settings.task_broker_url.startswith("amqp")
    arguments = {"x-queue-type": "quorum", "x-delivery-limit": -1} if is_amqp else {}
    exchange = Exchange(TASK_QUEUE, type="direct", durable=True)
    return {
        "task_queues": [Queue(TASK_QUEUE, exchange, routing_key=TASK_QUEUE, durable=True, queue_arguments=arguments)],
        "task_default_queue": TASK_QUEUE,
        "task_default_exchange": TASK_QUEUE,
        "task_default_routing_key": TASK_QUEUE,
        "task_create_missing_queues": False,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_soft_time_limit": settings.worker_task_soft_limit_seconds,
        "task_time_limit": settings.worker_task_hard_limit_seconds,
        "worker_concurrency": settings.worker_concurrency,
        "worker_prefetch_multiplier": 1,
        "worker_enable_remote_control": False,
        "worker_send_task_events": False,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "worker_consumer": "hworker.worker:LeanConsumer",
        "broker_transport_options": (
            {"confirm_publish": True} if is_amqp else {"socket_timeout": REDIS_SOCKET_TIMEOUT_SECONDS}
        ),
        "broker_connection_timeout": 5,
        "broker_connection_retry": True,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_pool_limit": 2,
        "enable_utc": True,
        "timezone": "UTC",
    }


def _register(app: Celery, name: str, runner: Any, context: Context) -> None:
    @app.task(name=name, bind=True, typing=False, shared=False)  # type: ignore[untyped-decorator]  # celery ships no types
    def run(task: Task, **values: Any) -> None:
        runner(context, name=name, task_id=task.request.id, **values)


def _keep_our_logging(**_: Any) -> None:
    """Take Celery's log set-up over by being there: `hcommon.logging` has done it."""
