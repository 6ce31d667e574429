"""Clients that read too slowly."""

from collections.abc import Callable
from typing import Any

from hcommon.events.annotations import AnnotationUpdated


class TestSlowReader:
    def test_is_closed_with_1013_while_others_go_on(
        self, make_service: Callable[..., Any], world: Any, new_page: Callable[[], str]
    ) -> None:
        service, page = make_service(websocket_send_queue_bytes=300_000), new_page()
        annotation = world.annotation(target_uri=page, text="x" * 200_000)
        with service.client(max_queue=1, max_size=None) as slow, service.client(max_size=None) as fast:
            slow.subscribe(uri=[page])
            fast.subscribe(uri=[page])
            registry = service.service.registry
            sent = 0
            while service.call(lambda: len(registry)) == 2:
                world.publish(AnnotationUpdated, annotation=annotation)
                sent += 1
                assert fast.receive()["options"] == {"action": "update"}
                assert sent < 200, "the slow reader was never closed"
            world.publish(AnnotationUpdated, annotation=annotation)
            assert fast.receive()["options"] == {"action": "update"}
            assert slow.closed() == (1013, "reading too slowly")
