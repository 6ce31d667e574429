"""People who write without pause and remember what the server has acknowledged."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Self

from tests.faults.api import Api, NoAnswerError, body_of

WRITERS: Final = 4
WRITES: Final = 1000
"""Acknowledged writes of one run."""

KILL_EVERY: Final = 250
"""After so many of them a process is killed, where there are several again and again."""

_PAUSE_SECONDS: Final = 0.02
_GIVE_UP_SECONDS: Final = 90.0


@dataclass
class Note:
    """An annotation whose creation was acknowledged.

    Attributes:
        text: The text of the last change that was acknowledged.
        deleted: Whether its deletion was acknowledged.
    """

    id: str
    page: str
    text: str
    is_reply: bool
    deleted: bool = False


@dataclass
class Record:
    """What one run asked for and what was acknowledged.

    Attributes:
        tag: Every annotation of the run carries it.
        asked: Every text that was ever sent, with its page: what may be there at all.
        refused: Answers and failures that acknowledged nothing, counted by kind.
    """

    tag: str
    asked: dict[str, str] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0

    @property
    def living(self) -> list[Note]:
        """The notes that must be there."""
        return [note for note in self.notes if not note.deleted]

    @property
    def deleted(self) -> list[Note]:
        """The notes that must be gone."""
        return [note for note in self.notes if note.deleted]


class Traffic:
    """Some threads that write on a page each until all of it was acknowledged.

    Of ten writes six are new annotations, two are replies to somebody else's, one is an edit and one a deletion.
    """

    def __init__(self, url: str, *, token: str, tag: str, parents: dict[str, str]) -> None:
        """Prepare.

        Args:
            url: The system.
            token: Of the account that writes.
            tag: Names the run.
            parents: For each page the annotation that is replied to.
        """
        self.record = Record(tag)
        self._url = url
        self._token = token
        self._parents = parents
        self._changed = threading.Condition()
        self._over = threading.Event()
        self._failures: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._guarded, args=(page,), name=f"writer {page}") for page in parents
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def await_acknowledged(self, count: int) -> None:
        """Wait until so many writes were acknowledged."""
        with self._changed:
            reached = self._changed.wait_for(
                lambda: self.record.acknowledged >= count or bool(self._failures), _GIVE_UP_SECONDS
            )
        if self._failures:
            raise self._failures[0]
        assert reached, f"{self.record.acknowledged} of {count} writes; refused: {self.record.refused}"

    def finish(self) -> Record:
        """Wait until everything was written, and return the record."""
        self.await_acknowledged(WRITES)
        for thread in self._threads:
            thread.join()
        return self.record

    def _guarded(self, page: str) -> None:
        try:
            _Writer(self, page).run(WRITES // len(self._threads))
        except BaseException as error:  # noqa: BLE001 - raised again in the test's own thread
            self._failures.append(error)
            with self._changed:
                self._changed.notify_all()

    def ask(self, api: Api, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, Any]:
        """Send a request; the status is 0 when no answer came and 503 when the server could not."""
        try:
            status, values = api.request(method, path, body)
        except NoAnswerError as error:
            status, values = 0, str(error)
        if status in (0, 503):
            with self._changed:
                self.record.refused[str(status)] += 1
            if self._over.wait(_PAUSE_SECONDS):
                raise RuntimeError("The run is over.")
        return status, values

    def acknowledge(self, change: Callable[[], None]) -> None:
        """Take down what the server has promised."""
        with self._changed:
            change()
            self.record.acknowledged += 1
            self._changed.notify_all()

    def open(self) -> Api:
        """Return a connection of one's own."""
        return Api(self._url, token=self._token)

    def parent(self, page: str) -> str:
        """Return what is replied to on a page."""
        return self._parents[page]


class _Writer:
    """One thread's part."""

    def __init__(self, traffic: Traffic, page: str) -> None:
        self._traffic = traffic
        self._page = page
        self._record = traffic.record
        self._own: list[Note] = []
        self._texts = 0

    def run(self, writes: int) -> None:
        api = self._traffic.open()
        try:
            for number in range(writes):
                match number % 10:
                    case 4 | 9:
                        self._create(api, references=[self._traffic.parent(self._page)])
                    case 6:
                        self._edit(api, self._own[-1])
                    case 7:
                        self._delete(api, self._own[-2])
                    case _:
                        self._create(api, references=[])
        finally:
            api.close()

    def _create(self, api: Api, *, references: list[str]) -> None:
        while True:
            text = self._new_text()
            status, answer = self._traffic.ask(
                api, "POST", "/annotations", body_of(self._page, text, [self._record.tag], references)
            )
            if status == 200:
                break
            _expect(status, answer, 0, 503)
        note = Note(answer["id"], self._page, text, is_reply=bool(references))
        if not references:
            self._own.append(note)
        self._traffic.acknowledge(lambda: self._record.notes.append(note))

    def _edit(self, api: Api, note: Note) -> None:
        while True:
            text = self._new_text()
            status, answer = self._traffic.ask(api, "PATCH", f"/annotations/{note.id}", {"text": text})
            if status == 200:
                break
            _expect(status, answer, 0, 503)
        self._traffic.acknowledge(lambda: setattr(note, "text", text))

    def _delete(self, api: Api, note: Note) -> None:
        self._own.remove(note)
        tries = 0
        while True:
            status, answer = self._traffic.ask(api, "DELETE", f"/annotations/{note.id}", None)
            tries += 1
            if status == 200 or (status == 404 and tries > 1):  # the one before did it and could not say so
                break
            _expect(status, answer, 0, 503)
        self._traffic.acknowledge(lambda: setattr(note, "deleted", True))

    def _new_text(self) -> str:
        """Return a text that is never sent twice, of one word that can be searched for."""
        self._texts += 1
        text = f"{self._record.tag}{self._page.rpartition('/')[2]}n{self._texts}"
        self._record.asked[text] = self._page
        return text


def _expect(status: int, answer: object, *allowed: int) -> None:
    assert status in allowed, f"{status}: {answer}"
