"""Celery's configuration and the queue of tasks."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import redis
from hcommon.bus.publisher import BrokerUnavailableError
from hcommon.events.annotations import AnnotationCreated
from hcommon.testing.clock import START
from hcommon.testing.rabbitmq import ScriptedBroker
from hworker.app import TaskQueue, create_app
from hworker.context import Context
from hworker.settings import TASK_QUEUE, Settings
from hworker.tasks.registry import EVENT_TASKS, PERIODIC_TASKS

EVENT = AnnotationCreated(occurred_at=START, annotation_id=uuid4(), revision=1)


class TestCreateApp:
    def test_knows_every_task(self, context: Context) -> None:
        assert {*EVENT_TASKS, *PERIODIC_TASKS} <= set(create_app(context.settings, context=context).tasks)

    def test_a_process_that_only_queues_has_none(self, make_settings: Callable[..., Settings]) -> None:
        assert not {*EVENT_TASKS, *PERIODIC_TASKS} & set(create_app(make_settings()).tasks)

    def test_rabbitmq_has_a_quorum_queue_and_confirms(self, make_settings: Callable[..., Settings]) -> None:
        app = create_app(make_settings(celery_broker_url="amqp://x//"))
        (queue,) = app.conf.task_queues
        assert (queue.name, queue.durable) == (TASK_QUEUE, True)
        assert queue.queue_arguments == {"x-queue-type": "quorum", "x-delivery-limit": -1}
        assert app.conf.broker_transport_options == {"confirm_publish": True}

    def test_keeps_no_results(self, make_settings: Callable[..., Settings]) -> None:
        app = create_app(make_settings())
        assert app.conf.task_ignore_result
        assert app.conf.task_acks_late


class TestTaskQueue:
    def test_queues_json_that_carries_the_event(
        self, make_settings: Callable[..., Settings], tasks_client: redis.Redis
    ) -> None:
        TaskQueue(create_app(make_settings())).send_event("send_reply_notice", event=EVENT, attempts=2)
        message = json.loads(tasks_client.lrange(TASK_QUEUE, 0, -1)[0])
        assert message["content-type"] == "application/json"
        assert message["headers"]["task"] == "send_reply_notice"

    def test_periodic_tasks_are_not_dropped_by_a_clock(
        self, make_settings: Callable[..., Settings], tasks_client: redis.Redis
    ) -> None:
        TaskQueue(create_app(make_settings())).send_periodic("purge_outbox")
        message = json.loads(tasks_client.lrange(TASK_QUEUE, 0, -1)[0])
        assert (message["headers"]["task"], message["headers"]["expires"]) == ("purge_outbox", None)

    def test_says_so_when_the_broker_is_away(self, make_settings: Callable[..., Settings], tmp_path: Path) -> None:
        settings = make_settings(celery_broker_url=f"redis+socket://{tmp_path}/none.sock?virtual_host=1")
        with pytest.raises(BrokerUnavailableError):
            TaskQueue(create_app(settings)).send_event("send_reply_notice", event=EVENT, attempts=0)

    @pytest.mark.parametrize("silence", ["hold", "freeze"])
    def test_rabbitmq_that_does_not_confirm_is_given_up(
        self, make_settings: Callable[..., Settings], rabbitmq: ScriptedBroker, silence: str
    ) -> None:
        tasks = TaskQueue(create_app(make_settings(celery_broker_url=rabbitmq.url)), confirm_timeout_seconds=0.5)
        rabbitmq.script.append(silence)
        started = time.monotonic()
        with pytest.raises(BrokerUnavailableError):
            tasks.send_event("send_reply_notice", event=EVENT, attempts=0)
        assert time.monotonic() - started < 10

    def test_a_late_confirm_does_not_count_for_the_next_task(
        self, make_settings: Callable[..., Settings], rabbitmq: ScriptedBroker, poll: Callable[..., Any]
    ) -> None:
        tasks = TaskQueue(create_app(make_settings(celery_broker_url=rabbitmq.url)), confirm_timeout_seconds=0.5)
        rabbitmq.script.extend(["ack", "hold", "ack"])
        tasks.send_event("send_reply_notice", event=EVENT, attempts=0)
        with pytest.raises(BrokerUnavailableError):
            tasks.send_event("send_reply_notice", event=EVENT, attempts=0)
        assert (rabbitmq.connections, len(rabbitmq.published)) == (1, 2)
        with pytest.raises(BrokerUnavailableError, match="lately"):
            tasks.send_event("send_reply_notice", event=EVENT, attempts=0)
        assert len(rabbitmq.published) == 2
        poll(lambda: _queued(tasks), "queued again")
        assert (rabbitmq.connections, len(rabbitmq.published)) == (2, 3)


def _queued(tasks: TaskQueue) -> bool:
    with suppress(BrokerUnavailableError):
        tasks.send_event("send_reply_notice", event=EVENT, attempts=0)
        return True
    return False
