"""What search is told of an annotation."""

from datetime import timedelta
from uuid import UUID

import pytest
from hcommon.models.annotation import ModerationStatus
from hcommon.search.document import AnnotationDocument, Batch, Removal, read_batch
from hcommon.testing.clock import START
from hcommon.testing.factories import make_annotation, make_group, make_user
from hcommon.uri import normalize, uri_hash
from sqlalchemy import event
from sqlalchemy.orm import Session

URI = "https://example.com/Page#part"


def read(session: Session, *ids: UUID) -> Batch:
    session.flush()
    return read_batch(session.connection(), ids)


class TestDocuments:
    def test_they_hold_what_is_searched_filtered_and_sorted_by(self, session: Session) -> None:
        user = make_user(session, username="Jane.Doe", authority="lms.example")
        group = make_group(session, authority="lms.example", authority_provided_id="own")
        root = make_annotation(session, user=user, group=group)
        made = make_annotation(
            session,
            user=user,
            group=group,
            target_uri=URI,
            created=START,
            updated=START + timedelta(microseconds=1),
            selectors=[{"type": "TextQuoteSelector", "exact": "a quote"}, {"type": "X", "exact": "no quote"}],
            tags=["one", "two"],
            text="some *text*",
            references=[root.id],
            document_version=3,
            revision=7,
        )
        assert read(session, made.id).documents == (
            AnnotationDocument(
                id=made.id,
                revision=7,
                user_id=user.id,
                username_normalized="janedoe",
                authority="lms.example",
                userid="acct:Jane.Doe@lms.example",
                group_id=group.id,
                group_pubid=group.pubid,
                group_authority="lms.example",
                group_authority_provided_id="own",
                shared=True,
                hidden=False,
                world=False,
                nipsa=False,
                created_us=int(START.timestamp()) * 1_000_000 + START.microsecond,
                updated_us=int(START.timestamp()) * 1_000_000 + START.microsecond + 1,
                target_uri=URI,
                target_uri_normalized=normalize(URI),
                target_uri_hash=uri_hash(normalize(URI)),
                document_version=3,
                references=(root.id,),
                quotes=("a quote",),
                tags=("one", "two"),
                text="some *text*",
            ),
        )

    @pytest.mark.parametrize("status", [None, *ModerationStatus])
    def test_a_verdict_other_than_approved_hides(self, session: Session, status: str | None) -> None:
        made = make_annotation(session, user=make_user(session), moderation_status=status)
        (document,) = read(session, made.id).documents
        assert document.hidden is (status in {"PENDING", "DENIED", "SPAM"})

    def test_what_decides_over_visibility_is_in_them(self, session: Session) -> None:
        made = make_annotation(session, user=make_user(session, nipsa=True), shared=False)
        (document,) = read(session, made.id).documents
        assert (document.nipsa, document.shared, document.world) == (True, False, True)


class TestRemovals:
    def test_deleted_annotations_with_their_revision_and_purged_ones_without(self, session: Session) -> None:
        user = make_user(session)
        deleted = make_annotation(session, user=user, deleted=True, revision=4)
        living = make_annotation(session, user=user)
        purged = UUID(int=1)
        batch = read(session, deleted.id, purged, living.id, living.id)
        assert [document.id for document in batch.documents] == [living.id]
        assert batch.removals == (Removal(deleted.id, 4), Removal(purged, None))


class TestStatements:
    def test_any_number_of_annotations_takes_one(self, session: Session) -> None:
        user = make_user(session)
        ids = [make_annotation(session, user=user).id for _ in range(30)]
        session.flush()
        statements: list[str] = []
        connection = session.connection()
        event.listen(connection, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
        assert len(read_batch(connection, ids).documents) == 30
        assert len(statements) == 1
