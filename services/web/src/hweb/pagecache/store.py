"""Answers kept in the memory of one process."""

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Final, NamedTuple
from uuid import UUID

from cachetools import LRUCache
from hcommon.auth import Principal
from hcommon.documents.revisions import PageRevision
from starlette.requests import Request

from hweb.api_edge import etag_of

Revisions = Mapping[UUID, PageRevision]
"""Revision of each page of a request, by the hash of its URI."""

MAX_QUERY_BYTES: Final = 4_096
"""Longest query string whose answer is kept; those of browsers are shorter."""

_MAX_QUESTIONS: Final = 20_000
_LARGEST_SHARE: Final = 8
_OVERHEAD_BYTES: Final = 1_000


class Question(NamedTuple):
    """What was asked, letter for letter."""

    path: str
    query: bytes


def question_of(request: Request) -> Question:
    """Return what a request asks."""
    return Question(request.url.path, request.scope["query_string"])


class Reader(NamedTuple):
    """Whose answer it is: what somebody sees depends on who it is and on the standing in each group."""

    user_id: int | None
    roles: frozenset[tuple[int, str]]
    instructs: frozenset[int]


@dataclass(frozen=True, slots=True)
class Answer:
    """A kept answer: JSON, and its entity tag."""

    revisions: Revisions
    body: bytes
    etag: str


def reader_of(principal: Principal) -> Reader:
    """Return whose answers a principal may be given."""
    return Reader(principal.user_id, frozenset(principal.roles.items()), principal.instructs)


class PageCache:
    """The least recently used answers go first; threads may share it."""

    def __init__(self, *, max_bytes: int) -> None:
        """Keep at most so many bytes; 0 keeps nothing."""
        self.enabled = max_bytes > 0
        self._largest = max_bytes // _LARGEST_SHARE
        self._pages: LRUCache[Question, tuple[UUID, ...]] = LRUCache(_MAX_QUESTIONS)
        self._answers: LRUCache[tuple[Question, Reader], Answer] = LRUCache(
            max_bytes, lambda answer: len(answer.body) + _OVERHEAD_BYTES
        )
        self._lock = Lock()

    def keep(self, question: Question, reader: Reader, revisions: Revisions, body: bytes) -> None:
        """Keep an answer.

        Args:
            question: What it answers.
            reader: Whose it is.
            revisions: Those of all pages that the question names, seen before anything else was read for it.
            body: The answer.
        """
        if len(body) > self._largest or len(question.query) > MAX_QUERY_BYTES:
            return
        answer = Answer(revisions, body, etag_of(body))
        with self._lock:
            self._pages[question] = tuple(revisions)
            self._answers[question, reader] = answer

    def pages(self, question: Question) -> tuple[UUID, ...] | None:
        """Return the pages of a question that was answered before, to anybody."""
        with self._lock:
            return self._pages.get(question)

    def find(self, question: Question, reader: Reader, revisions: Revisions) -> Answer | None:
        """Return the reader's answer if it was kept at these very revisions."""
        with self._lock:
            answer = self._answers.get((question, reader))
        return answer if answer is not None and answer.revisions == revisions else None
