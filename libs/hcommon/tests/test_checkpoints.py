"""What a checkpoint keeps from whom."""

from typing import Any

import pytest
from hcommon import checkpoints, documents
from hcommon import uri as uris
from hcommon.auth import principal_of_user
from hcommon.authz import readable_condition
from hcommon.events.annotations import AnnotationsRevised
from hcommon.models import Annotation, Checkpoint, Group, User
from hcommon.models.group import LMSRole
from hcommon.presentation.annotation import annotation_source
from hcommon.testing.clock import START
from hcommon.testing.factories import add_member, make_annotation, make_group, make_user, recorded_events
from sqlalchemy import select
from sqlalchemy.orm import Session

PAGE = "https://example.com/page"


class Course:
    """Two students and an instructor who write about a page."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.group = make_group(session)
        self.ann, self.ben, self.teacher = (make_user(session) for _ in range(3))
        for user, role in ((self.ann, LMSRole.STUDENT), (self.ben, None), (self.teacher, LMSRole.INSTRUCTOR)):
            add_member(session, group=self.group, user=user).lms_role = role
        session.flush()

    def write(self, user: User, *, answers: Annotation | None = None, page: str = PAGE, **values: Any) -> Annotation:
        references = [*answers.references, answers.id] if answers else []
        annotation = make_annotation(
            self.session, user=user, group=self.group, target_uri=page, references=references, **values
        )
        annotation.document_id = documents.store(
            self.session,
            claims=documents.claims_of({}, claimant=page),
            user_id=user.id,
            annotation_id=annotation.id,
            now=START,
        )
        self.session.flush()
        return annotation

    def seal(self, page: str = PAGE, *, group: Group | None = None) -> Checkpoint:
        uri_hash = uris.uri_hash(uris.normalize(page))
        checkpoint = Checkpoint(group_id=(group or self.group).id, document_uri=page, uri_hash=uri_hash, created=START)
        self.session.add(checkpoint)
        self.session.flush()
        self.reseal()
        return checkpoint

    def reseal(self, **values: Any) -> None:
        checkpoints.reseal(self.session, group_ids=[self.group.id], now=START, **values)
        self.session.expire_all()

    def seen_by(self, user: User, *annotations: Annotation) -> list[bool]:
        reader = principal_of_user(self.session, user.id)
        ids = select(Annotation.id).select_from(annotation_source()).where(readable_condition(reader))
        found = set(self.session.scalars(ids))
        return [annotation.id in found for annotation in annotations]


@pytest.fixture
def course(session: Session) -> Course:
    return Course(session)


class TestSealed:
    def test_students_see_their_own_and_what_instructors_tell_them(self, course: Course) -> None:
        anns, bens = course.write(course.ann), course.write(course.ben)
        notes = [
            course.write(course.teacher),
            course.write(course.teacher, answers=anns),
            course.write(course.teacher, answers=bens),
            course.write(course.ben, answers=anns),
        ]
        everything = [anns, bens, *notes]
        assert course.seen_by(course.ann, *everything) == [True] * 6
        course.seal()
        assert course.seen_by(course.ann, *everything) == [True, False, True, True, False, False]
        assert course.seen_by(course.ben, *everything) == [False, True, True, False, True, True]
        assert course.seen_by(course.teacher, *everything) == [True] * 6

    def test_is_only_that_page_in_that_group(self, course: Course, session: Session) -> None:
        elsewhere = course.write(course.ben, page="https://example.com/other")
        other = make_group(session)
        for user in (course.ann, course.ben):
            add_member(session, group=other, user=user)
        in_other_group = make_annotation(session, user=course.ben, group=other, target_uri=PAGE)
        course.seal()
        assert course.seen_by(course.ann, elsewhere, in_other_group) == [True, True]

    def test_is_the_page_under_its_other_addresses_too(self, course: Course, session: Session) -> None:
        bens = course.write(course.ben)
        documents.store(
            session,
            claims=documents.claims_of({"link": [{"href": PAGE}]}, claimant="https://example.com/mirror"),
            user_id=course.teacher.id,
            annotation_id=bens.id,
            now=START,
        )
        session.expire_all()
        course.seal("https://example.com/mirror")
        assert course.seen_by(course.ann, bens) == [False]

    def test_ends_when_it_is_revealed(self, course: Course) -> None:
        bens = course.write(course.ben)
        checkpoint = course.seal()
        checkpoint.reveal_date = START
        course.session.flush()
        course.reseal()
        assert course.seen_by(course.ann, bens) == [True]


class TestReseal:
    def test_has_search_told_of_what_changed_and_of_nothing_else(self, course: Course, session: Session) -> None:
        bens, notes = course.write(course.ben), course.write(course.teacher)
        course.seal()
        [event] = recorded_events(session)
        assert isinstance(event, AnnotationsRevised)
        assert event.annotation_ids == (bens.id,)
        assert (bens.revision, notes.revision) == (2, 1)
        course.reseal()
        assert len(recorded_events(session)) == 1

    def test_leaves_the_revision_of_a_fresh_one_to_its_writer(self, course: Course, session: Session) -> None:
        course.seal()
        bens = course.write(course.ben)
        course.reseal(document_id=bens.document_id, fresh_id=bens.id)
        assert (bens.sealed, bens.revision) == (True, 1)
        assert recorded_events(session) == []

    def test_of_several_groups_goes_by_each_ones_own_checkpoints(self, course: Course, session: Session) -> None:
        other, alone = Course(session), Course(session)
        written = [each.write(each.ben) for each in (course, other, alone)]
        for each in (course, other):
            uri_hash = uris.uri_hash(uris.normalize(PAGE))
            date = START if each is other else None
            values = {"group_id": each.group.id, "document_uri": PAGE, "uri_hash": uri_hash, "created": START}
            session.add(Checkpoint(reveal_date=date, **values))
        session.flush()
        checkpoints.reseal(session, group_ids={each.group.id for each in (course, other, alone)}, now=START)
        session.expire_all()
        assert [one.sealed for one in written] == [True, False, False]
        events = len(recorded_events(session))
        checkpoints.reseal(session, group_ids=(), now=START)
        assert len(recorded_events(session)) == events
