"""The periodic tasks and their clockwork."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hcommon.bus.publisher import BrokerUnavailableError
from hcommon.clock import SystemClock
from hcommon.testing.clock import FrozenClock
from hworker.intervals import LOOK_AGAIN
from hworker.schedule import SCHEDULE, Beat
from hworker.tasks.registry import PERIODIC_TASKS


class TestSchedule:
    def test_names_every_periodic_task(self) -> None:
        assert set(SCHEDULE) == set(PERIODIC_TASKS)


class TestBeat:
    def test_queues_at_the_start_and_then_once_an_interval(self, queue: Any, clock: FrozenClock) -> None:
        beat = Beat(tasks=queue, clock=clock, schedule={"often": timedelta(minutes=1), "rarely": timedelta(hours=1)})
        beat.tick()
        assert queue.periodic == ["often", "rarely"]
        clock.advance(seconds=59)
        beat.tick()
        assert queue.periodic == ["often", "rarely"]
        clock.advance(seconds=1)
        beat.tick()
        assert queue.periodic == ["often", "rarely", "often"]

    def test_queues_what_is_rare_more_often_since_a_run_may_be_killed(self, queue: Any, clock: FrozenClock) -> None:
        beat = Beat(tasks=queue, clock=clock, schedule={"rarely": timedelta(days=1)})
        beat.tick()
        clock.advance(seconds=(LOOK_AGAIN - timedelta(seconds=1)).total_seconds())
        beat.tick()
        assert queue.periodic == ["rarely"]
        clock.advance(seconds=1)
        beat.tick()
        assert queue.periodic == ["rarely", "rarely"]

    def test_a_clock_that_is_put_back_does_not_stop_it(self, queue: Any, clock: FrozenClock) -> None:
        beat = Beat(tasks=queue, clock=clock, schedule={"often": timedelta(minutes=1)})
        beat.tick()
        clock.advance(days=-1)
        beat.tick()
        assert queue.periodic == ["often", "often"]
        beat.tick()
        clock.advance(minutes=1)
        beat.tick()
        assert queue.periodic == ["often", "often", "often"]

    def test_a_clock_that_is_put_forward_queues_each_task_once(self, queue: Any, clock: FrozenClock) -> None:
        beat = Beat(tasks=queue, clock=clock, schedule={"often": timedelta(minutes=1)})
        beat.tick()
        clock.advance(days=1)
        beat.tick()
        beat.tick()
        assert queue.periodic == ["often", "often"]

    def test_what_could_not_be_queued_stays_due(self, queue: Any, clock: FrozenClock) -> None:
        beat = Beat(tasks=queue, clock=clock, schedule={"often": timedelta(minutes=1)})
        queue.error = BrokerUnavailableError("away")
        with pytest.raises(BrokerUnavailableError):
            beat.tick()
        queue.error = None
        beat.tick()
        assert queue.periodic == ["often"]

    def test_runs_until_told_to_stop(self, queue: Any, poll: Callable[..., Any]) -> None:
        queue.error = BrokerUnavailableError("away")
        stop = threading.Event()
        thread = threading.Thread(target=Beat(tasks=queue, clock=SystemClock()).run, args=(stop,))
        thread.start()
        queue.error = None
        poll(lambda: len(queue.periodic) == len(SCHEDULE), "queued")
        stop.set()
        thread.join(10)
        assert not thread.is_alive()
