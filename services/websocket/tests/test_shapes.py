"""The frames that sockets are sent, as clients rely on them: keys and types.

Source: specification of the API, sections 3.2, 3.3 and 12a.
"""

from typing import Any

import pytest
from hcommon.events.annotations import AnnotationCreated, AnnotationDeleted
from hcommon.events.groups import MembershipChanged

from tests.contract.shapes import Either, differences
from tests.contract.test_shapes import ANNOTATION, PROFILE

ERROR = {"type": "error", "error": {"type": str, "description": str}, "ok": False, "reply_to": 1}


class TestFrames:
    @pytest.mark.parametrize(
        ("message", "shape"),
        [
            ({"type": "whoami"}, {"type": "whoyouare", "userid": Either(str, None), "ok": True, "reply_to": 1}),
            ({"type": "ping"}, {"type": "pong", "ok": True, "reply_to": 1}),
            ({"type": "x"}, ERROR),
            ({"filter": {}}, ERROR),
            ({"type": "client_id", "value": ""}, ERROR),
        ],
    )
    def test_of_replies(self, service: Any, message: dict[str, Any], shape: Any) -> None:
        with service.client() as client:
            assert differences(client.ask(message | {"id": 1}), shape) == []

    def test_of_annotations(self, service: Any, world: Any, new_page: Any) -> None:
        page = new_page()
        annotation = world.annotation(target_uri=page)
        notification = {"type": "annotation-notification", "options": {"action": str}}
        with service.client() as client:
            client.subscribe(uri=[page])
            world.publish(AnnotationCreated, annotation=annotation)
            assert differences(client.receive(), notification | {"payload": [ANNOTATION]}) == []
            world.publish(AnnotationDeleted, annotation=annotation)
            assert differences(client.receive(), notification | {"payload": [{"id": str}]}) == []

    def test_of_memberships(self, service: Any, world: Any) -> None:
        user, group = world.user(), world.group("private")
        with service.client(token=world.token(user)) as client:
            client.sync()
            world.membership(user, group)
            world.publish(MembershipChanged, user_id=user.id, group_id=group.id)
            shape = {"type": "session-change", "action": str, "model": PROFILE}
            assert differences(client.receive(), shape) == []
