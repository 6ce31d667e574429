"""Somebody who writes without a pause, and what must have become of it."""

import threading
from types import TracebackType
from typing import Self

import httpx2

from tests.e2e.infra.people import Api
from tests.e2e.infra.sockets import Listener
from tests.e2e.infra.system import System
from tests.e2e.infra.waiting import wait_until

_PAUSE_SECONDS = 0.04
_EVERY = 8
"""One annotation in so many is a reply."""


class Writer:
    """Creates annotations on one page, some of them replies to somebody else's annotation there.

    Attributes:
        written: Ids of what the server acknowledged.
        replies: Those of them that are replies.
        refused: What went wrong meanwhile: statuses and names of errors.
    """

    def __init__(self, api: Api, *, uri: str, tag: str, reply_to: str) -> None:
        self._api = api
        self._uri = uri
        self._tag = tag
        self._reply_to = reply_to
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.written: list[str] = []
        self.replies: list[str] = []
        self.refused: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(30)

    def wait_for_more(self, count: int, *, seconds: float = 60) -> None:
        """Wait until so many more have been acknowledged."""
        target = len(self.written) + count
        wait_until(lambda: len(self.written) >= target, seconds=seconds, what=f"{count} more writes: {self.refused}")

    def _run(self) -> None:
        number = 0
        while not self._stop.wait(_PAUSE_SECONDS):
            number += 1
            is_reply = number % _EVERY == 0
            references = {"references": [self._reply_to]} if is_reply else {}
            try:
                row = self._api.create(uri=self._uri, tags=[self._tag], text=f"{self._tag} {number}.", **references)
            except httpx2.HTTPStatusError as error:
                self.refused.append(str(error.response.status_code))
            except httpx2.TransportError as error:
                self.refused.append(type(error).__name__)
            else:
                self.written.append(row["id"])
                self.replies += [row["id"]] if is_reply else []


def all_found(api: Api, *, tag: str) -> list[str]:
    """Return the ids that a walk through a whole search gives, with repetitions."""
    ids: list[str] = []
    after = ""
    while True:
        terms: dict[str, str | int] = {"tag": tag, "limit": 200, "sort": "created", "order": "asc"}
        if after:
            terms["search_after"] = after
        rows = api.search(**terms)["rows"]
        if not rows:
            return ids
        ids += [row["id"] for row in rows]
        after = rows[-1]["created"]


def found_or_nothing(api: Api, tag: str) -> list[str]:
    """Return what `all_found` does; nothing while the search is not there."""
    try:
        return all_found(api, tag=tag)
    except httpx2.HTTPStatusError as error:
        if error.response.status_code != 503:
            raise
        return []
    except httpx2.TransportError:
        return []


def nothing_lost(system: System, writer: Writer, *, api: Api, tag: str, socket: Listener | None) -> None:
    """Compare what was acknowledged with PostgreSQL, the search, the sockets and the mail."""
    written = set(writer.written)
    stored = system.sql(f"SELECT count(*) FROM annotation WHERE text LIKE '{tag} %'")  # noqa: S608 - our own tag
    assert int(stored) >= len(written)
    wait_until(lambda: written <= set(found_or_nothing(api, tag)), seconds=90, what="search finds all that was written")
    found = all_found(api, tag=tag)
    assert len(found) == len(set(found)), "search found something twice"
    if socket is not None:
        socket.wait_for(written, seconds=60)
    wait_until(lambda: len(_mails(system, tag)) >= len(writer.replies), seconds=90, what="a mail for each reply")
    texts = list(_mails(system, tag).values())
    assert len(texts) == len(set(texts)), "somebody got two mails about one reply"
    waiting = "SELECT count(*) FROM outbox WHERE published_at IS NULL AND due_at <= now() + interval '1 hour'"
    wait_until(lambda: system.sql(waiting) == "0", seconds=60, what="all events are published")
    assert system.sql("SELECT count(*) FROM dead_letter") == "0"


def _mails(system: System, tag: str) -> dict[str, str]:
    """Return the texts about this tag by their Message-ID: whoever is killed may send one again under the same."""
    found = {}
    for message in list(system.mail.messages):
        body = message.get_body(("plain",))
        if body is not None and f"{tag} " in (text := body.get_content()):
            found[str(message["Message-ID"])] = text
    return found
