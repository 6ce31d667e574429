"""What a process of the worker can be: one loop, Celery, or everything at once.

A loop that ends by itself is a bug: the process ends with it, so that whoever supervises it starts a new one.
"""

import signal
import threading
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Final

from hcommon import garbage
from hcommon.db import schema
from hcommon.logging import get_logger

from hworker.app import TaskQueue, create_app
from hworker.consume import create_consumer
from hworker.context import Context
from hworker.relay import Relay
from hworker.schedule import Beat

Loop = Callable[[threading.Event], None]

_JOIN_SECONDS: Final = 12.0

_log = get_logger(__name__)


def run_relay(context: Context) -> int:
    """Publish recorded events until SIGTERM or SIGINT; return the exit status."""
    return _run_loop(context, "relay", _relay(context))


def run_consumer(context: Context) -> int:
    """Hand events to handlers until SIGTERM or SIGINT; return the exit status."""
    return _run_loop(context, "consume", _consumer(context, TaskQueue(create_app(context.settings))))


def run_beat(context: Context) -> int:
    """Queue periodic tasks until SIGTERM or SIGINT; return the exit status."""
    return _run_loop(context, "beat", _beat(context, TaskQueue(create_app(context.settings))))


def run_tasks(context: Context) -> int:
    """Run tasks in child processes until SIGTERM or SIGINT; return the exit status."""
    from hworker import worker  # noqa: PLC0415 - other roles do without Celery's worker

    _stop_on_signals(context.stop.set, worker.stop_worker)
    app = create_app(context.settings, context=context)
    if not _started(context, "run"):
        return 0
    context.database.close()  # children must not share the parent's connections
    return worker.run_worker(app, pool="prefork")


def run_all(context: Context) -> int:
    """Run everything in this process, tasks in threads, until SIGTERM or SIGINT; return the exit status."""
    from hworker import worker  # noqa: PLC0415 - other roles do without Celery's worker

    _stop_on_signals(context.stop.set, worker.stop_worker)
    app = create_app(context.settings, context=context)
    if not _started(context, "all"):
        return 0
    tasks = TaskQueue(app)
    loops = {"relay": _relay(context), "consumer": _consumer(context, tasks), "beat": _beat(context, tasks)}
    threads = _start(context, loops, on_failure=lambda: worker.stop_worker(failed=True))
    status = worker.run_worker(app, pool="threads")
    context.stop.set()
    for thread in threads:
        thread.join(_JOIN_SECONDS)
    context.database.close()
    return status


def _relay(context: Context) -> Loop:
    settings = context.settings
    relay = Relay(
        database=context.database,
        broker_url=settings.broker_url.get_secret_value(),
        clock=context.clock,
        metrics=context.metrics,
        batch_size=settings.relay_batch_size,
        poll_seconds=settings.relay_poll_milliseconds / 1000,
    )
    return relay.run


def _consumer(context: Context, tasks: TaskQueue) -> Loop:
    return create_consumer(context, tasks=tasks).run


def _beat(context: Context, tasks: TaskQueue) -> Loop:
    return Beat(tasks=tasks, clock=context.clock).run


def _run_loop(context: Context, role: str, loop: Loop) -> int:
    _stop_on_signals(context.stop.set)
    if _started(context, role):
        loop(context.stop)
    context.database.close()
    return 0


def _start(context: Context, loops: Mapping[str, Loop], *, on_failure: Callable[[], None]) -> list[threading.Thread]:
    def guarded(name: str, loop: Loop) -> None:
        try:
            loop(context.stop)
        except Exception:  # noqa: BLE001 - it must end the process, not the thread alone
            _log.exception("loop_failed", loop=name)
        if not context.stop.is_set():
            context.stop.set()
            on_failure()

    threads = [threading.Thread(target=guarded, args=item, name=item[0], daemon=True) for item in loops.items()]
    for thread in threads:
        thread.start()
    return threads


def _stop_on_signals(*actions: Callable[[], None]) -> None:
    def stop(number: int, _: FrameType | None) -> None:
        _log.info("stopping", signal=signal.Signals(number).name)
        for action in actions:
            action()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _started(context: Context, role: str) -> bool:
    """Wait for a schema that this release can use, and say so; False when told to end before there was one."""

    class Stopped(Exception):  # noqa: N818 - not an error
        pass

    def sleep(seconds: float) -> None:
        if context.stop.wait(seconds):
            raise Stopped

    try:
        schema.wait_until_ready(context.database, sleep=sleep)
    except Stopped:
        return False
    garbage.look_rarely()
    _log.info("started", role=role)
    return True
