"""Rows of annotations become the API's JSON."""

from typing import Any

import orjson
import pytest
from hcommon.auth import ANONYMOUS, Principal, principal_of_user
from hcommon.authz import ReaderClass
from hcommon.ids import annotation_id_to_urlsafe, new_annotation_id
from hcommon.models import Annotation, Document, DocumentURI, Flag, Group, User
from hcommon.models.group import Role
from hcommon.presentation.annotation import (
    LinkSettings,
    annotation_columns,
    annotation_source,
    facts_of,
    present,
    present_all,
)
from hcommon.testing.clock import START
from hcommon.testing.factories import add_member, make_annotation, make_group, make_user
from hcommon.uri import normalize, uri_hash
from sqlalchemy import RowMapping, event, select
from sqlalchemy.orm import Session

LINKS = LinkSettings(app_url="https://ann.test", authority="example.org", bouncer_url=None)
BOUNCED = LinkSettings(app_url="https://ann.test", authority="example.org", bouncer_url="https://go.test")


@pytest.fixture
def author(session: Session) -> User:
    return make_user(session, username="carol", display_name="Carol")


def rows(session: Session, principal: Principal = ANONYMOUS) -> list[RowMapping]:
    """Return all rows as this principal sees them, whether it may or not, in order."""
    query = select(*annotation_columns(principal)).select_from(annotation_source()).order_by(Annotation.created)
    return list(session.execute(query).mappings())


def shown(session: Session, principal: Principal = ANONYMOUS, links: LinkSettings = LINKS) -> dict[str, Any]:
    """Return the only annotation's JSON as this principal sees it."""
    [values] = present_all(rows(session, principal), principal=principal, links=links)
    decoded: dict[str, Any] = orjson.loads(orjson.dumps(values))
    return decoded


def moderator_of(session: Session, group: Group) -> Principal:
    user = make_user(session)
    add_member(session, group=group, user=user, role=Role.MODERATOR)
    return principal_of_user(session, user.id)


class TestShape:
    def test_is_complete(self, session: Session, author: User) -> None:
        root = new_annotation_id(now=START)
        annotation = make_annotation(
            session,
            user=author,
            created=START,
            text="note",
            tags=["a"],
            target_uri="https://site.test/x",
            selectors=[{"type": "T", "exact": "\x00"}],
            target_description="d",
            references=[root],
            moderation_status="APPROVED",
            extra={"own": 1},
        )
        annotation_id = annotation_id_to_urlsafe(annotation.id)
        now = "2026-01-02T03:04:05.678901+00:00"
        assert shown(session) == {
            "own": 1,
            "id": annotation_id,
            "created": now,
            "updated": now,
            "user": "acct:carol@example.org",
            "uri": "https://site.test/x",
            "text": "note",
            "tags": ["a"],
            "group": "__world__",
            "moderation_status": "APPROVED",
            "permissions": {
                "read": ["group:__world__"],
                "admin": ["acct:carol@example.org"],
                "update": ["acct:carol@example.org"],
                "delete": ["acct:carol@example.org"],
            },
            "target": [
                {"source": "https://site.test/x", "description": "d", "selector": [{"type": "T", "exact": "\x00"}]}
            ],
            "document": {},
            "links": {
                "json": f"https://ann.test/api/annotations/{annotation_id}",
                "html": f"https://ann.test/a/{annotation_id}",
            },
            "actions": [],
            "mentions": [],
            "user_info": {"display_name": "Carol"},
            "references": [annotation_id_to_urlsafe(root)],
            "flagged": False,
            "hidden": False,
        }

    def test_leaves_out_what_is_not_there(self, session: Session, author: User) -> None:
        make_annotation(session, user=author)
        values = shown(session)
        assert values["target"] == [{"source": "https://example.com/page"}]
        assert values.keys().isdisjoint({"references", "moderation"})

    def test_the_client_s_own_keys_never_hide_ours(self, session: Session, author: User) -> None:
        make_annotation(session, user=author, extra={"id": "x", "permissions": {}, "hidden": True, "kept": True})
        values = shown(session)
        assert (len(values["id"]), values["permissions"]["read"]) == (22, ["group:__world__"])
        assert (values["hidden"], values["kept"]) == (False, True)

    def test_times_have_all_six_digits(self, session: Session, author: User) -> None:
        make_annotation(session, user=author, created=START.replace(microsecond=0))
        assert shown(session)["created"] == "2026-01-02T03:04:05.000000+00:00"

    def test_the_title_is_a_list(self, session: Session, author: User) -> None:
        document = Document(title="T", created=START, updated=START)
        session.add(document)
        session.flush()
        make_annotation(session, user=author, document_id=document.id)
        assert shown(session)["document"] == {"title": ["T"]}

    @pytest.mark.parametrize(
        ("shared", "stored", "seen"),
        [(True, None, "APPROVED"), (False, None, None), (False, "DENIED", "DENIED"), (True, "SPAM", "SPAM")],
    )
    def test_what_was_never_judged_is_approved_if_shared(
        self, session: Session, author: User, *, shared: bool, stored: str | None, seen: str | None
    ) -> None:
        make_annotation(session, user=author, shared=shared, moderation_status=stored)
        assert shown(session, principal_of_user(session, author.id))["moderation_status"] == seen


class TestPermissions:
    @pytest.mark.parametrize(
        ("kind", "shared", "status", "read"),
        [
            ("open", True, None, "group:__world__"),
            ("restricted", True, "APPROVED", "group:__world__"),
            ("open", True, "PENDING", "group:PUBID"),
            ("private", True, None, "group:PUBID"),
            ("open", False, None, "acct:carol@example.org"),
        ],
    )
    def test_say_who_can_read_now(
        self, session: Session, author: User, *, kind: str, shared: bool, status: str | None, read: str
    ) -> None:
        group = make_group(session, kind=kind)
        make_annotation(session, user=author, group=group, shared=shared, moderation_status=status)
        found = shown(session, principal_of_user(session, author.id))["permissions"]["read"]
        assert found == [read.replace("PUBID", group.pubid)]

    def test_a_shadow_ban_does_not_show(self, session: Session) -> None:
        banned = make_user(session, nipsa=True)
        make_annotation(session, user=banned, group=make_group(session, kind="open"))
        assert shown(session, principal_of_user(session, banned.id))["permissions"]["read"] == ["group:__world__"]


class TestReaders:
    def test_hidden_text_is_blank_for_all_but_author_and_moderators(self, session: Session, author: User) -> None:
        group = make_group(session, kind="open")
        make_annotation(session, user=author, group=group, text="x", tags=["t"], moderation_status="DENIED")
        seen = {
            name: shown(session, principal)
            for name, principal in {
                "author": principal_of_user(session, author.id),
                "moderator": moderator_of(session, group),
                "other": ANONYMOUS,
            }.items()
        }
        assert {name: (v["text"], v["tags"], v["hidden"]) for name, v in seen.items()} == {
            "author": ("x", ["t"], False),
            "moderator": ("x", ["t"], True),
            "other": ("", [], True),
        }

    def test_moderators_see_the_number_of_flags(self, session: Session, author: User) -> None:
        group = make_group(session, kind="open")
        annotation = make_annotation(session, user=author, group=group)
        moderator = moderator_of(session, group)
        for user_id in (moderator.user_id, make_user(session).id):
            session.add(Flag(annotation_id=annotation.id, user_id=user_id, created=START))
        session.flush()
        values = shown(session, moderator)
        assert (values["moderation"], values["actions"]) == ({"flagCount": 2}, ["moderate"])

    def test_everybody_sees_their_own_flag(self, session: Session, author: User) -> None:
        annotation = make_annotation(session, user=author)
        reader, other = make_user(session), make_user(session)
        session.add(Flag(annotation_id=annotation.id, user_id=reader.id, created=START))
        session.flush()
        assert shown(session, principal_of_user(session, reader.id))["flagged"] is True
        assert shown(session, principal_of_user(session, other.id))["flagged"] is False
        assert shown(session)["flagged"] is False

    def test_moderators_elsewhere_are_readers_like_others(self, session: Session, author: User) -> None:
        make_annotation(session, user=author, group=make_group(session, kind="open"))
        values = shown(session, moderator_of(session, make_group(session)))
        assert (values["actions"], "moderation" in values) == ([], False)

    def test_a_moderating_author_may_judge_what_is_shared(self, session: Session, author: User) -> None:
        group = make_group(session, kind="open")
        add_member(session, group=group, user=author, role=Role.OWNER)
        make_annotation(session, user=author, group=group, moderation_status="PENDING")
        make_annotation(session, user=author, group=group, shared=False)
        principal = principal_of_user(session, author.id)
        public, private = present_all(rows(session, principal), principal=principal, links=LINKS)
        assert (public["actions"], public["hidden"], public["moderation"]) == (["moderate"], False, {"flagCount": 0})
        assert (private["actions"], "moderation" in private) == ([], False)

    @pytest.mark.parametrize(("reader", "actions"), [(ReaderClass.MODERATOR, ["moderate"]), (ReaderClass.AUTHOR, [])])
    def test_one_encoding_serves_a_class_of_readers(
        self, session: Session, author: User, reader: ReaderClass, actions: list[str]
    ) -> None:
        make_annotation(session, user=author)
        [row] = rows(session)
        values = present(row, facts=facts_of(row), reader=reader, flagged=True, links=LINKS)
        assert (values["actions"], values["flagged"]) == (actions, True)


class TestLinks:
    def test_annotations_of_another_authority_have_no_page_here(self, session: Session) -> None:
        make_annotation(session, user=make_user(session, authority="elsewhere.example"))
        assert shown(session)["links"].keys() == {"json"}

    def test_in_context_leads_to_the_root_of_the_thread(self, session: Session, author: User) -> None:
        root = new_annotation_id(now=START)
        make_annotation(session, user=author, target_uri="https://site.test/ä b?q=1#f", references=[root])
        expected = f"https://go.test/{annotation_id_to_urlsafe(root)}/site.test/%C3%A4%20b?q=1#f"
        assert shown(session, links=BOUNCED)["links"]["incontext"] == expected

    def test_a_file_is_shown_at_the_first_address_of_its_document(self, session: Session, author: User) -> None:
        annotation = make_annotation(session, user=author, target_uri="urn:x-pdf:1")
        for uri in ("urn:x-pdf:1", "doi:10.1000/x", "https://site.test/a.pdf", "https://site.test/b.pdf"):
            session.add(
                DocumentURI(
                    document_id=annotation.document_id,
                    claimant="urn:x-pdf:1",
                    claimant_hash=uri_hash("urn:x-pdf:1"),
                    uri=uri,
                    uri_normalized=normalize(uri),
                    uri_hash=uri_hash(normalize(uri)),
                    type="",
                    content_type="",
                    user_id=author.id,
                    annotation_id=annotation.id,
                    created=START,
                    updated=START,
                )
            )
            session.flush()
        expected = f"https://go.test/{annotation_id_to_urlsafe(annotation.id)}/site.test/a.pdf"
        assert shown(session, links=BOUNCED)["links"]["incontext"] == expected

    def test_a_file_that_is_nowhere_else_has_no_context(self, session: Session, author: User) -> None:
        make_annotation(session, user=author, target_uri="urn:x-pdf:1")
        assert "incontext" not in shown(session, links=BOUNCED)["links"]


class TestCost:
    @pytest.mark.parametrize("number", [1, 30])
    def test_any_number_of_annotations_takes_one_statement(self, session: Session, author: User, number: int) -> None:
        for _ in range(number):
            make_annotation(session, user=author)
        principal = principal_of_user(session, author.id)
        sent: list[str] = []
        connection = session.connection()

        def collect(_conn: object, _cursor: object, statement: str, *_: object) -> None:
            sent.append(statement)

        event.listen(connection, "before_cursor_execute", collect)
        assert len(present_all(rows(session, principal), principal=principal, links=LINKS)) == number
        event.remove(connection, "before_cursor_execute", collect)
        assert len(sent) == 1
