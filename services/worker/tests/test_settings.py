"""The worker's settings."""

from collections.abc import Callable

import pytest
from hworker.settings import Settings
from pydantic import ValidationError


class TestSettings:
    def test_tasks_share_the_broker_unless_told_otherwise(self, make_settings: Callable[..., Settings]) -> None:
        settings = make_settings(broker_url="amqp://one//", celery_broker_url=None)
        assert settings.task_broker_url == "amqp://one//"
        assert make_settings(celery_broker_url="redis://two/2").task_broker_url == "redis://two/2"

    def test_every_thread_has_a_connection(self, make_settings: Callable[..., Settings]) -> None:
        assert make_settings(worker_concurrency=20, database_pool_size=4).pool_size == 24
        assert make_settings(worker_concurrency=2, database_pool_size=30).pool_size == 30

    @pytest.mark.parametrize("sender", ["h@localhost", "Annotations <noreply@example.org>", "Ä <a@example.org>"])
    def test_takes_senders(self, make_settings: Callable[..., Settings], sender: str) -> None:
        assert make_settings(mail_default_sender=sender).mail_default_sender == sender

    @pytest.mark.parametrize("sender", ["nobody", "a@b@c", "<>", "a@", "@b", "x\r\nBcc: y@example.org"])
    def test_refuses_a_sender_that_is_no_address(self, make_settings: Callable[..., Settings], sender: str) -> None:
        with pytest.raises(ValidationError, match="must be an address"):
            make_settings(mail_default_sender=sender)
