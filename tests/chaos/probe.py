"""Whether everything works: a new reply is acknowledged, heard, found and mailed."""

import json
import time
from contextlib import closing, suppress
from typing import Final

from websockets.exceptions import WebSocketException

from tests.chaos.storm import People, Storm
from tests.chaos.verification import mails
from tests.e2e.infra import people as visitors
from tests.e2e.infra.stack import Stack
from tests.e2e.infra.waiting import wait_until
from tests.e2e.infra.writing import found_or_nothing
from tests.faults.api import Api, NoAnswerError, body_of
from tests.faults.listeners import Listener

RECOVER_SECONDS: Final = 300.0


def recovered(stack: Stack, people: People, storm: Storm, *, reader: visitors.Api) -> float:
    """Wait until everything works, and return how many seconds that took."""
    started = time.monotonic()
    page, parent = next(iter(storm.parents.items()))
    tag = storm.record.tag.replace("storm", "probe")
    with _listener(stack, page, people, since=started) as listener:
        note = wait_until(
            lambda: _written(stack, people, page=page, tag=tag, parent=parent),
            seconds=RECOVER_SECONDS,
            what="a write is acknowledged",
        )
        for what, happened in (
            ("heard", lambda: note in listener.texts()),
            ("found", lambda: note in found_or_nothing(reader, tag)),
            ("mailed", lambda: f"reply.{note}" in mails(stack)),
        ):
            wait_until(happened, seconds=RECOVER_SECONDS, what=f"the reply is {what}")
    return time.monotonic() - started


def _listener(stack: Stack, page: str, people: People, *, since: float) -> Listener:
    """Return a socket as soon as one can be opened."""
    while True:
        try:
            return Listener(stack.socket_url, page=page, token=people.tokens["owner"])
        except (OSError, WebSocketException, json.JSONDecodeError):
            if time.monotonic() - since > RECOVER_SECONDS:
                raise
            time.sleep(0.5)


def _written(stack: Stack, people: People, *, page: str, tag: str, parent: str) -> str:
    with closing(Api(stack.url, token=people.tokens["anna"])) as api, suppress(NoAnswerError):
        status, answer = api.request("POST", "/annotations", body_of(page, f"{tag} reply", [tag], [parent]))
        return str(answer["id"]) if status == 200 else ""
    return ""
