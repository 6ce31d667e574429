"""Which groups are listed, for whom, and as what."""

from typing import Any

import pytest
from hcommon.models import Group, GroupScope, User
from hcommon.models.group import Role
from hcommon.testing.database import RolledBackDatabase
from hcommon.testing.factories import add_member, make_access_token, make_group, make_user, make_world_group
from sqlalchemy import event
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

PAGE = "https://example.com/articles/one"


def add_scope(session: Session, group: Group, origin: str, path: str = "") -> None:
    session.add(GroupScope(group_id=group.id, origin=origin, path=path))
    session.flush()


def member(session: Session, group: Group, user: User, role: Role = Role.MEMBER) -> Group:
    add_member(session, group=group, user=user, role=role)
    return group


@pytest.fixture(autouse=True)
def world(session: Session) -> Group:
    return make_world_group(session)


@pytest.fixture
def user(session: Session) -> User:
    return make_user(session)


@pytest.fixture
def bearer(session: Session, user: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {make_access_token(session, user=user)}"}


def names(
    client: TestClient, path: str = "/api/groups", headers: dict[str, str] | None = None, **query: Any
) -> list[str]:
    answer = client.get(path, params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    return [group["name"] for group in answer.json()]


class TestListForADocument:
    def test_anybody_sees_the_public_group(self, client: TestClient) -> None:
        assert names(client) == ["Public"]

    def test_the_documents_groups_come_first_then_public_then_the_users_own(
        self, client: TestClient, session: Session, user: User, bearer: dict[str, str]
    ) -> None:
        for name in ("scoped b", "Scoped A"):
            add_scope(session, make_group(session, kind="open", name=name), "https://example.com")
        for name in ("own b", "Own A"):
            member(session, make_group(session, name=name), user)
        assert names(client, headers=bearer, document_uri=PAGE) == ["Scoped A", "scoped b", "Public", "Own A", "own b"]

    def test_groups_of_one_name_are_ordered_by_id(self, client: TestClient, session: Session) -> None:
        for pubid in ("zzzzzzz1", "aaaaaaa1", "mmmmmmm1"):
            add_scope(session, make_group(session, kind="open", name="Same", pubid=pubid), "https://example.com")
        listed = client.get("/api/groups", params={"document_uri": PAGE}).json()
        assert [group["id"] for group in listed] == ["aaaaaaa1", "mmmmmmm1", "zzzzzzz1", "__world__"]

    @pytest.mark.parametrize(
        ("origin", "path", "listed"),
        [
            ("https://example.com", "", True),
            ("https://example.com", "/articles", True),
            ("https://example.com", "/articles/one", True),
            ("https://example.com", "/art", False),
            ("https://example.com", "/other", False),
            ("http://example.com", "", False),
            ("https://example.com.evil.org", "", False),
        ],
    )
    def test_a_scope_takes_in_its_site_or_the_part_below_its_path(
        self, client: TestClient, session: Session, origin: str, path: str, *, listed: bool
    ) -> None:
        add_scope(session, make_group(session, kind="restricted", name="Scoped"), origin, path)
        assert ("Scoped" in names(client, document_uri=PAGE)) == listed

    def test_one_of_several_scopes_is_enough_and_lists_the_group_once(
        self, client: TestClient, session: Session
    ) -> None:
        group = make_group(session, kind="open", name="Scoped")
        for path in ("/other", "/articles", ""):
            add_scope(session, group, "https://example.com", path)
        assert names(client, document_uri=PAGE) == ["Scoped", "Public"]

    @pytest.mark.parametrize("uri", ["", "urn:x-pdf:abc", "not a uri", "https://", "https://[::1", "x" * 9000])
    def test_a_document_that_no_scope_can_hold_has_no_groups_of_its_own(
        self, client: TestClient, session: Session, uri: str
    ) -> None:
        add_scope(session, make_group(session, kind="open"), "https://example.com")
        assert names(client, document_uri=uri) == ["Public"]

    @pytest.mark.parametrize("kind", ["open", "restricted"])
    def test_a_world_readable_group_elsewhere_is_not_listed_even_for_members(
        self, client: TestClient, session: Session, user: User, bearer: dict[str, str], kind: str
    ) -> None:
        member(session, make_group(session, kind=kind), user, Role.OWNER)
        assert names(client, headers=bearer, document_uri=PAGE) == ["Public"]

    def test_private_groups_are_seen_by_members_alone_even_in_their_scope(
        self, client: TestClient, session: Session, user: User, bearer: dict[str, str]
    ) -> None:
        group = make_group(session, name="Secret")
        add_scope(session, group, "https://example.com")
        assert names(client, document_uri=PAGE) == ["Public"]
        assert names(client, headers=bearer, document_uri=PAGE) == ["Public"]
        member(session, group, user)
        assert names(client, headers=bearer, document_uri=PAGE) == ["Public", "Secret"]

    def test_a_dead_token_is_nobody(self, client: TestClient) -> None:
        assert names(client, headers={"Authorization": "Bearer dead"}) == ["Public"]


class TestAuthority:
    def test_nobody_gets_the_groups_of_the_authority_asked_for(self, client: TestClient, session: Session) -> None:
        add_scope(
            session, make_group(session, kind="open", name="Theirs", authority="lms.example"), "https://example.com"
        )
        assert names(client, authority="lms.example", document_uri=PAGE) == ["Theirs"]
        assert names(client, document_uri=PAGE) == ["Public"]

    @pytest.mark.parametrize("authority", ["unknown.example", "\N{SNOWMAN}", "' OR 1=1"])
    def test_an_unknown_authority_has_no_groups(self, client: TestClient, authority: str) -> None:
        assert names(client, authority=authority) == []

    @pytest.mark.parametrize("name", ["authority", "document_uri", "expand"])
    def test_bytes_that_are_no_text_are_refused(self, client: TestClient, name: str) -> None:
        answer = client.get(f"/api/groups?{name}=a%00b")
        assert (answer.status_code, answer.json()["status"]) == (400, "failure")

    def test_a_user_always_gets_those_of_their_own(
        self, client: TestClient, session: Session, bearer: dict[str, str]
    ) -> None:
        assert names(client, headers=bearer, authority="lms.example") == ["Public"]
        theirs = make_user(session, authority="lms.example")
        token = {"Authorization": f"Bearer {make_access_token(session, user=theirs)}"}
        assert names(client, headers=token, authority="example.org") == []


class TestMyGroups:
    PATH = "/api/profile/groups"

    def test_anonymous_callers_have_none(self, client: TestClient) -> None:
        assert names(client, self.PATH) == []

    def test_all_kinds_are_listed_by_name(
        self, client: TestClient, session: Session, user: User, bearer: dict[str, str]
    ) -> None:
        for name, kind in (("c", "open"), ("B", "restricted"), ("a", "private")):
            member(session, make_group(session, kind=kind, name=name), user)
        make_group(session, name="Not mine")
        assert names(client, self.PATH, headers=bearer) == ["a", "B", "c"]

    def test_the_public_group_is_not_one_of_them_even_for_its_members(
        self, client: TestClient, session: Session, world: Group, user: User, bearer: dict[str, str]
    ) -> None:
        member(session, world, user, Role.MODERATOR)
        assert names(client, self.PATH, headers=bearer) == []


class TestGroupJSON:
    def only(self, client: TestClient, bearer: dict[str, str], **query: Any) -> dict[str, Any]:
        listed: list[dict[str, Any]] = client.get("/api/profile/groups", params=query, headers=bearer).json()
        assert len(listed) == 1
        return listed[0]

    def test_it_has_every_key(self, client: TestClient, session: Session, user: User, bearer: dict[str, str]) -> None:
        group = member(session, make_group(session, name="Lire à deux!"), user)
        assert self.only(client, bearer) == {
            "id": group.pubid,
            "links": {"html": f"http://example.org/groups/{group.pubid}/lire-a-deux"},
            "groupid": None,
            "name": "Lire à deux!",
            "organization": None,
            "public": False,
            "scoped": False,
            "type": "private",
            "pre_moderated": False,
        }

    @pytest.mark.parametrize(("kind", "public"), [("private", False), ("restricted", True), ("open", True)])
    def test_its_type_says_who_may_do_what(
        self, client: TestClient, session: Session, user: User, bearer: dict[str, str], kind: str, *, public: bool
    ) -> None:
        member(session, make_group(session, kind=kind), user)
        group = self.only(client, bearer)
        assert (group["type"], group["public"]) == (kind, public)

    def test_the_public_group_is_open(self, client: TestClient) -> None:
        [group] = client.get("/api/groups").json()
        assert (group["id"], group["type"], group["public"]) == ("__world__", "open", True)

    def test_third_party_groups_have_their_id_and_no_page(self, client: TestClient, session: Session) -> None:
        group = make_group(session, kind="open", authority="lms.example", authority_provided_id="c-1")
        add_scope(session, group, "https://example.com")
        [shown] = client.get("/api/groups", params={"authority": "lms.example", "document_uri": PAGE}).json()
        assert (shown["groupid"], shown["links"]) == ("group:c-1@lms.example", {})

    @pytest.mark.parametrize(("enforce", "enforced"), [(True, True), (False, False)])
    def test_scopes_are_shown_when_asked_for(
        self, client: TestClient, session: Session, user: User, bearer: dict[str, str], *, enforce: bool, enforced: bool
    ) -> None:
        group = member(session, make_group(session, enforce_scope=enforce), user)
        add_scope(session, group, "https://example.com", "/b")
        add_scope(session, group, "https://a.example")
        assert "scopes" not in self.only(client, bearer)
        shown = self.only(client, bearer, expand=["organization", "scopes", "nonsense"])
        assert shown["scoped"] is True
        assert shown["scopes"] == {
            "enforced": enforced,
            "uri_patterns": ["https://example.com/b*", "https://a.example*"],
        }

    def test_without_scopes_none_are_enforced(
        self, client: TestClient, session: Session, user: User, bearer: dict[str, str]
    ) -> None:
        member(session, make_group(session), user)
        assert self.only(client, bearer, expand="scopes")["scopes"] == {"enforced": False, "uri_patterns": []}


class TestCost:
    def test_many_groups_take_as_many_statements_as_one(
        self,
        client: TestClient,
        session: Session,
        rolled_back: RolledBackDatabase,
        user: User,
        bearer: dict[str, str],
    ) -> None:
        for _ in range(100):
            add_scope(session, member(session, make_group(session), user), "https://example.com")
            add_scope(session, make_group(session, kind="open"), "https://example.com")
        statements: list[str] = []
        event.listen(
            rolled_back._connection, "before_cursor_execute", lambda *arguments: statements.append(arguments[2])
        )
        for path, total in (("/api/groups", 201), ("/api/profile/groups", 100)):
            statements.clear()
            assert (
                len(names(client, path, headers=bearer, document_uri=PAGE, expand=["scopes", "organization"])) == total
            )
            assert len(statements) == 2


class TestRead:
    def test_anybody_reads_a_group_that_the_world_may_read(self, client: TestClient, session: Session) -> None:
        group = make_group(session, kind="restricted", name="Club")
        answer = client.get(f"/api/groups/{group.pubid}", params={"expand": "scopes"})
        assert (answer.json()["id"], answer.json()["name"], answer.json()["type"]) == (
            group.pubid,
            "Club",
            "restricted",
        )
        assert answer.json()["scopes"] == {"enforced": False, "uri_patterns": []}

    def test_a_third_party_name_is_as_good(self, client: TestClient, session: Session) -> None:
        group = make_group(session, kind="open", authority="other.example", authority_provided_id="club-1")
        assert client.get("/api/groups/group:club-1@other.example").json()["id"] == group.pubid

    def test_a_private_group_is_there_for_its_members_alone(
        self, client: TestClient, session: Session, user: User, bearer: dict[str, str]
    ) -> None:
        group = make_group(session)
        assert client.get(f"/api/groups/{group.pubid}", headers=bearer).status_code == 404
        member(session, group, user)
        assert client.get(f"/api/groups/{group.pubid}", headers=bearer).json()["id"] == group.pubid
        assert client.get(f"/api/groups/{group.pubid}").status_code == 404

    def test_an_unknown_group_is_not_found(self, client: TestClient) -> None:
        assert client.get("/api/groups/nothing").status_code == 404
