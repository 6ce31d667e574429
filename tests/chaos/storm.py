"""People who write without pause: annotations, replies, edits, deletions, moderation, reports, groups and joining."""

import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final, Self

import httpx2

from tests.chaos.record import GONE, Note, Record
from tests.e2e.infra.people import PASSWORD, Visitor, path_of
from tests.e2e.infra.stack import Stack
from tests.faults.api import Api, NoAnswerError, body_of

WRITERS: Final = ("anna", "ben", "cleo", "dora")

_PAUSE_SECONDS: Final = 0.2
_PAUSE_AFTER_REFUSAL_SECONDS: Final = 0.3


@dataclass
class People:
    """Accounts.

    Attributes:
        tokens: By name; `owner` owns the groups, moderates, and is who is replied to.
        room: A group of all of them, of which the owner is the moderator.
    """

    tokens: dict[str, str] = field(default_factory=dict)
    room: str = ""

    def join(self, stack: Stack, name: str, page: str) -> None:
        """Have somebody join a group on its page."""
        with Visitor(stack) as visitor:
            visitor.log_in(name)
            answer = visitor.submit(page, group_join="1")
            assert answer.status_code == httpx2.codes.SEE_OTHER, answer.text


def register(stack: Stack) -> People:
    """Create all of them."""
    people = People()
    for name in ("owner", *WRITERS):
        email = f"{name}@example.org"
        stack.run("web", "sh", "-c", f"echo '{PASSWORD}' | h user add {name} --email {email} --password-stdin")
        people.tokens[name] = stack.h("token", "create", name).strip().splitlines()[-1]
    with closing(Api(stack.url, token=people.tokens["owner"])) as api:
        status, group = api.request("POST", "/groups", {"name": "Storm room"})
    assert status == httpx2.codes.OK, group
    people.room = group["id"]
    for name in WRITERS:
        people.join(stack, name, path_of(group["links"]["html"]))
    return people


class Storm:
    """Writers on a page each, from `with` to its end.

    Attributes:
        pages: The page of each writer.
    """

    def __init__(self, stack: Stack, people: People, *, tag: str) -> None:
        self.record = Record(tag)
        self.pages = {name: f"https://chaos.example/{tag}/{name}" for name in WRITERS}
        self.stack = stack
        self.people = people
        self.parents: dict[str, str] = {}
        self._over = threading.Event()
        self._failures: list[BaseException] = []
        self._threads = [threading.Thread(target=self._guarded, args=(name,), name=f"storm {name}") for name in WRITERS]

    def __enter__(self) -> Self:
        """Have the owner annotate each page, and begin."""
        owner = Api(self.stack.url, token=self.people.tokens["owner"])
        for page in self.pages.values():
            text = f"{self.record.tag} first on {page}"
            self.record.asked.add(text)
            note = Note(owner.create(uri=page, text=text, tags=[self.record.tag]), "owner", page, {text}, at_rest=True)
            self.record.notes[note.id] = note
            self.parents[page] = note.id
        owner.close()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Let every writer finish what it is at."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        if self._failures:
            raise self._failures[0]

    def await_more(self, count: int, *, seconds: float) -> None:
        """Wait until so many more operations were acknowledged."""
        target = self.record.operations + count
        deadline = time.monotonic() + seconds
        while self.record.operations < target:
            if self._failures:
                raise self._failures[0]
            state = f"{target - self.record.operations} of {count} are missing; {dict(self.record.unknown)}"
            assert time.monotonic() < deadline, state
            time.sleep(0.05)

    @property
    def is_over(self) -> bool:
        """Whether to stop."""
        return self._over.is_set()

    def pause(self, seconds: float) -> None:
        """Wait a moment, or until the end."""
        self._over.wait(seconds)

    def _guarded(self, name: str) -> None:
        try:
            _Writer(self, name).run()
        except BaseException as error:  # noqa: BLE001 - raised again in the test's own thread
            self._failures.append(error)


class _Writer:
    """One person."""

    def __init__(self, storm: Storm, name: str) -> None:
        self._storm = storm
        self._record = storm.record
        self._name = name
        self._page = storm.pages[name]
        self._number = 0
        self._own: list[Note] = []
        self._in_room: list[Note] = []
        tokens = storm.people.tokens
        self._api = Api(storm.stack.url, token=tokens[name])
        self._owner = Api(storm.stack.url, token=tokens["owner"])
        self._other = Api(storm.stack.url, token=tokens[WRITERS[WRITERS.index(name) - 1]])
        self._browser = Visitor(storm.stack)
        self._is_in = False

    def run(self) -> None:
        """Write until the end."""
        steps = (
            self._create,
            self._reply,
            self._create_in_room,
            self._edit,
            self._create,
            self._hide,
            self._create,
            self._delete,
            self._reply,
            self._create_in_room,
            self._report,
            self._join,
            self._show,
        )
        try:
            while not self._storm.is_over:
                steps[self._number % len(steps)]()
                self._number += 1
                self._storm.pause(_PAUSE_SECONDS)
        finally:
            for api in (self._api, self._owner, self._other):
                api.close()
            self._browser.__exit__()

    def _create(self) -> None:
        self._write("create", group="__world__", references=[])

    def _reply(self) -> None:
        self._write("reply", group="__world__", references=[self._storm.parents[self._page]])

    def _create_in_room(self) -> None:
        self._write("create", group=self._storm.people.room, references=[])

    def _write(self, kind: str, *, group: str, references: list[str]) -> None:
        text = self._new_text()
        body = body_of(self._page, text, [self._record.tag], references)
        body |= {"group": group, "permissions": {"read": [f"group:{group}"]}}

        def acknowledged(answer: Any) -> None:
            note = Note(answer["id"], self._name, self._page, {text}, is_reply=bool(references))
            self._record.notes[note.id] = note
            if not references:
                (self._own if group == "__world__" else self._in_room).append(note)

        self._ask(
            kind,
            self._api,
            "POST",
            "/annotations",
            body,
            then=acknowledged,
            doubt=lambda: self._record.texts_of_unknown.add(text),
        )

    def _edit(self) -> None:
        if note := _newest(self._own):
            text = self._new_text()
            self._ask(
                "edit",
                self._api,
                "PATCH",
                f"/annotations/{note.id}",
                {"text": text},
                then=lambda _: setattr(note, "states", {text}),
                doubt=lambda: _doubt(note, text),
            )

    def _delete(self) -> None:
        if note := _newest(self._own):
            note.at_rest = True
            self._ask(
                "delete",
                self._api,
                "DELETE",
                f"/annotations/{note.id}",
                None,
                then=lambda _: setattr(note, "states", {GONE}),
                doubt=lambda: _doubt(note, GONE),
            )

    def _hide(self) -> None:
        self._moderate("PUT", hidden=True)

    def _show(self) -> None:
        self._moderate("DELETE", hidden=False)

    def _moderate(self, method: str, *, hidden: bool) -> None:
        if self._in_room and not (note := self._in_room[0]).at_rest:

            def doubt() -> None:
                note.hidden.add(hidden)
                note.at_rest = True

            self._ask(
                "moderation",
                self._owner,
                method,
                f"/annotations/{note.id}/hide",
                None,
                then=lambda _: setattr(note, "hidden", {hidden}),
                doubt=doubt,
            )
            if not hidden:
                self._in_room.pop(0)

    def _report(self) -> None:
        if len(self._in_room) > 1:
            note = self._in_room.pop()
            note.at_rest = True
            self._ask(
                "report",
                self._other,
                "PUT",
                f"/annotations/{note.id}/flag",
                None,
                then=lambda _: self._record.flags.update({note.id: True}),
                doubt=lambda: self._record.flags.update({note.id: False}),
            )

    def _join(self) -> None:
        """Found a group of the owner's, and join it on its page, as people do who were sent the link."""
        made: list[dict[str, Any]] = []
        name = f"{self._record.tag[:12]} {self._number}"
        self._ask(
            "group",
            self._owner,
            "POST",
            "/groups",
            {"name": name},
            then=made.append,
            doubt=lambda: None,
        )
        if not made:
            return
        key = (made[0]["id"], self._name)
        try:
            joined = self._press_join(path_of(made[0]["links"]["html"]))
        except (httpx2.TransportError, httpx2.HTTPStatusError) as error:
            self._record.doubt(f"join: {type(error).__name__}", lambda: self._record.members.update({key: False}))
            self._is_in = False
            return
        if joined:
            self._record.acknowledge("join", lambda: self._record.members.update({key: True}))

    def _press_join(self, address: str) -> bool:
        """Return whether the joining was acknowledged; without a session it is not even asked for.

        Raises:
            HTTPStatusError: The site said that it could not.
            TransportError: No answer came.
        """
        if not self._is_in:
            try:
                self._browser.log_in(self._name)
            except AssertionError as error:  # what it thinks of another status
                self._record.doubt(f"log in: {str(error)[:20]}", lambda: None)
                return False
            self._is_in = True
        page = self._browser.get(address)
        if page.status_code != httpx2.codes.OK or "group_join" not in page.text:
            self._record.doubt(f"group page: {page.status_code}", lambda: None)
            self._is_in = False
            return False
        answer = self._browser.submit(address, group_join="1")
        if answer.status_code >= httpx2.codes.INTERNAL_SERVER_ERROR:
            answer.raise_for_status()
        self._is_in = answer.status_code == httpx2.codes.SEE_OTHER and "login" not in answer.headers["location"]
        return self._is_in

    def _ask(
        self,
        kind: str,
        api: Api,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        *,
        then: Callable[[Any], None],
        doubt: Callable[[], None],
    ) -> None:
        started = time.monotonic()
        try:
            status, answer = api.request(method, path, body)
        except NoAnswerError as error:
            said = str(error).partition("(")[0]
        else:
            if status in (200, 204):
                self._record.acknowledge(kind, lambda: then(answer))
                return
            assert status >= 500, f"{method} {path}: {status} {answer}"
            said = str(status)
        finally:
            self._record.slowest = max(self._record.slowest, time.monotonic() - started)
        self._record.doubt(said, doubt)
        self._storm.pause(_PAUSE_AFTER_REFUSAL_SECONDS)

    def _new_text(self) -> str:
        """Return a text that is never sent twice, of one word that can be searched for."""
        text = f"{self._record.tag.replace('-', '')}{self._name}n{self._number}"
        self._record.asked.add(text)
        return text


def _newest(notes: list[Note]) -> Note | None:
    """Return the newest that is not at rest."""
    return next((note for note in reversed(notes) if not note.at_rest), None)


def _doubt(note: Note, state: str | None) -> None:
    note.states.add(state)
    note.at_rest = True
