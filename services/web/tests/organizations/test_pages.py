"""Logos of organisations, and how groups show theirs."""

from hcommon.ids import DEFAULT_ORGANIZATION
from hcommon.models import Organization
from hcommon.testing.clock import START
from hcommon.testing.factories import make_group
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

LOGO = '<svg xmlns="http://www.w3.org/2000/svg"><circle r="4"/></svg>'


def make_organization(session: Session, *, pubid: str = "abcd1234", logo: str | None = LOGO) -> Organization:
    made = Organization(pubid=pubid, name="Library", authority="example.org", logo=logo, created=START, updated=START)
    session.add(made)
    session.flush()
    return made


class TestLogo:
    def test_it_is_an_svg_document_that_cannot_run_anything(self, client: TestClient, session: Session) -> None:
        make_organization(session)
        answer = client.get("/organizations/abcd1234/logo")
        assert (answer.status_code, answer.text) == (200, LOGO)
        assert answer.headers["content-type"].startswith("image/svg+xml")
        assert answer.headers["cache-control"] == "public, max-age=600"
        assert "Accept-Encoding" in answer.headers["vary"]
        assert "sandbox" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"

    def test_without_one_there_is_nothing(self, client: TestClient, session: Session) -> None:
        make_organization(session, logo=None)
        for pubid in ("abcd1234", "nothing1"):
            assert client.get(f"/organizations/{pubid}/logo").status_code == 404


class TestGroupOfAnOrganization:
    def test_it_names_it_and_shows_it_in_full_when_asked(self, client: TestClient, session: Session) -> None:
        group = make_group(session, kind="open", organization_id=make_organization(session).id)
        path = f"/api/groups/{group.pubid}"
        assert client.get(path).json()["organization"] == "abcd1234"
        assert client.get(path, params={"expand": "organization"}).json()["organization"] == {
            "id": "abcd1234",
            "default": False,
            "logo": "http://example.org/organizations/abcd1234/logo",
            "name": "Library",
        }

    def test_the_default_one_is_marked_and_may_lack_a_logo(self, client: TestClient, session: Session) -> None:
        made = make_organization(session, pubid=DEFAULT_ORGANIZATION, logo=None)
        group = make_group(session, kind="open", organization_id=made.id)
        shown = client.get(f"/api/groups/{group.pubid}", params={"expand": "organization"}).json()["organization"]
        assert (shown["default"], shown["logo"]) == (True, None)
