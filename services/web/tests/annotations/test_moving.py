"""Annotations follow their pages to new addresses."""

from typing import Any

import orjson
import pytest
from hcommon import documents
from hcommon import uri as uris
from hcommon.events.annotations import AnnotationRefreshed
from hcommon.models import Annotation
from hcommon.testing.clock import START
from hcommon.testing.factories import make_annotation, make_user, recorded_events
from hweb.annotations.moving import InvalidMoveError, Move, move_some, moves_of
from sqlalchemy import select
from sqlalchemy.orm import Session

OLD, NEW = "https://old.example.com/page", "https://new.example.com/page"


class TestMoveSome:
    def test_moves_in_pieces_until_none_is_left(self, session: Session) -> None:
        user = make_user(session)
        for _ in range(5):
            make_annotation(session, user=user, target_uri=OLD)
        other = make_annotation(session, user=user)
        sizes = [move_some(session, move=Move(OLD, NEW), now=START, chunk=2) for _ in range(4)]
        assert sizes == [2, 2, 1, 0]
        session.expire_all()
        rows = session.scalars(select(Annotation).where(Annotation.id != other.id)).all()
        assert {(row.target_uri, row.target_uri_hash) for row in rows} == {(NEW, uris.uri_hash(uris.normalize(NEW)))}
        assert {row.revision for row in rows} == {2}
        assert len({row.document_id for row in rows}) == 1
        assert other.target_uri != NEW
        refreshed = [event for event in recorded_events(session) if isinstance(event, AnnotationRefreshed)]
        assert sorted(event.annotation_id for event in refreshed) == sorted(row.id for row in rows)

    def test_a_new_spelling_of_the_same_address_ends_too(self, session: Session) -> None:
        make_annotation(session, user=make_user(session), target_uri="http://example.com/a")
        move = Move("http://example.com/a", "https://example.com/a")
        assert [move_some(session, move=move, now=START) for _ in range(2)] == [1, 0]

    def test_the_document_is_what_the_file_claims(self, session: Session) -> None:
        annotation = make_annotation(session, user=make_user(session), target_uri=OLD)
        move = Move(OLD, NEW, document={"title": ["Moved"], "link": [{"href": "https://mirror.example.com/"}]})
        move_some(session, move=move, now=START)
        hashes = documents.equivalent_hashes(session, uris=["https://mirror.example.com/"])
        session.refresh(annotation)
        assert annotation.target_uri_hash in hashes

    def test_selectors_are_added_where_there_are_some(self, session: Session) -> None:
        user = make_user(session)
        marked = make_annotation(session, user=user, target_uri=OLD, selectors=[{"type": "TextQuoteSelector"}])
        note = make_annotation(session, user=user, target_uri=OLD)
        move_some(session, move=Move(OLD, NEW, selectors=({"type": "PageSelector", "index": 1},)), now=START)
        for row in (marked, note):
            session.refresh(row)
        assert [one["type"] for one in orjson.loads(marked.target_selectors or "")] == [
            "TextQuoteSelector",
            "PageSelector",
        ]
        assert note.target_selectors is None


class TestMovesOf:
    def test_reads_the_file(self) -> None:
        wanted = {"url": NEW, "document": {"title": ["T"]}, "selectors": [{"type": "PageSelector"}]}
        assert moves_of({OLD: wanted, "http://a.example": {"url": NEW}}) == [
            Move(OLD, NEW, {"title": ["T"]}, ({"type": "PageSelector"},)),
            Move("http://a.example", NEW),
        ]

    @pytest.mark.parametrize(
        "values",
        [
            [],
            None,
            {OLD: NEW},
            {OLD: {}},
            {OLD: {"url": 5}},
            {OLD: {"url": NEW, "colour": "red"}},
            {OLD: {"url": NEW, "document": []}},
            {OLD: {"url": NEW, "selectors": [{}]}},
            {OLD: {"url": "urn:x"}},
            {"file:///x": {"url": NEW}},
            {OLD: {"url": "http://[broken"}},
        ],
    )
    def test_refuses_anything_else(self, values: Any) -> None:
        with pytest.raises(InvalidMoveError):
            moves_of(values)
