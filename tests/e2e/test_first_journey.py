"""From the first visit to an answer by mail, over HTTP, WebSocket, SMTP and statsd alone."""

import re

from tests.e2e.infra.people import Api, Visitor, account, path_of
from tests.e2e.infra.sockets import Listener
from tests.e2e.infra.stack import Stack
from tests.e2e.infra.waiting import wait_until

PAGE = "https://example.com/first-journey"


class TestFirstJourney:
    def test_somebody_signs_up_annotates_is_found_and_gets_a_reply(self, stack: Stack) -> None:
        otto = account(stack, "otto")
        assert otto.token
        with Visitor(stack) as visitor:
            visitor.sign_up("iris")
            mail = stack.mail.wait_for(to="iris@example.org", subject="activate")
            link = re.search(rf"{stack.url}/activate/\S+", mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]
            assert link
            assert visitor.get(path_of(link[0])).status_code == 302
            visitor.log_in("iris")
            iris = Api(stack, token=visitor.token())
        with Listener(stack.socket_url, token=otto.token, uris=[PAGE]) as socket:
            row = iris.create(uri=PAGE, text="A quokka is a small wallaby.", tags=["journey"])
            socket.wait_for({row["id"]})
        found = wait_until(lambda: otto.search(any="quokka")["rows"], what="search finds it")
        assert [item["id"] for item in found] == [row["id"]]
        otto.create(uri=PAGE, text="It is indeed.", references=[row["id"]])
        reply = stack.mail.wait_for(to="iris@example.org", subject="replied")
        assert "otto" in str(reply["Subject"])
        stack.statsd.wait_for(lambda line: line.startswith("h.web.request.annotation_create.200:"))
        queues = {f"h.worker.queue.{queue}.waiting" for queue in ("worker", "indexer", "celery")}
        wait_until(  # a task reports them every minute
            lambda: queues <= {line.partition(":")[0] for line in list(stack.statsd.lines)},
            seconds=90,
            what="lengths of the queues",
        )
        assert stack.faults() == []
