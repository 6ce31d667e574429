"""The feeds of new annotations."""

from collections.abc import Callable
from datetime import timedelta
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree as ET

import pytest
from hcommon.ids import annotation_id_to_urlsafe
from hcommon.models import User
from hcommon.testing.clock import START
from hcommon.testing.factories import make_annotation, make_group, make_user, make_world_group
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

PAGE = "https://example.com/page"
ATOM = {"a": "http://www.w3.org/2005/Atom"}
DC = {"dc": "http://purl.org/dc/elements/1.1/"}


@pytest.fixture
def user(session: Session) -> User:
    make_world_group(session)
    return make_user(session, username="maria")


def parsed(xml: bytes) -> ET.Element:
    return ET.fromstring(xml)  # noqa: S314 - our own


def entries(client: TestClient, **parameters: str) -> list[ET.Element]:
    answer = client.get("/stream.atom", params={"uri": PAGE} | parameters)
    assert answer.status_code == 200, answer.text
    return parsed(answer.content).findall("a:entry", ATOM)


class TestAtom:
    def test_an_entry_shows_the_annotation(self, client: TestClient, session: Session, user: User) -> None:
        made = make_annotation(
            session,
            user=user,
            target_uri=PAGE,
            text="<b>bold</b> & more \x0b",
            selectors=[{"type": "TextQuoteSelector", "exact": "a <quote>"}],
            created=START,
            updated=START + timedelta(hours=1),
        )
        key = annotation_id_to_urlsafe(made.id)
        answer = client.get("/stream.atom", params={"uri": PAGE})
        assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
        feed = parsed(answer.content)
        assert (
            feed.findtext("a:id", namespaces=ATOM)
            == "http://example.org/stream.atom?uri=https%3A%2F%2Fexample.com%2Fpage"
        )
        assert feed.findtext("a:updated", namespaces=ATOM) == (START + timedelta(hours=1)).isoformat()
        [entry] = feed.findall("a:entry", ATOM)
        texts = {child.tag.rpartition("}")[2]: child.text for child in entry}
        assert texts["id"] == f"tag:example.org,2015-09:{key}"
        assert texts["content"] == ("<blockquote>a &lt;quote&gt;</blockquote>&lt;b&gt;bold&lt;/b&gt; &amp; more \ufffd")
        assert texts["published"] == START.isoformat()
        assert entry.findtext("a:author/a:name", namespaces=ATOM) == "maria"
        assert [link.get("href") for link in entry.findall("a:link", ATOM)] == [
            f"http://example.org/a/{key}",
            f"http://example.org/api/annotations/{key}",
        ]

    def test_a_title_is_that_of_the_page_or_else_its_file_or_address(
        self, client: TestClient, session: Session, user: User
    ) -> None:
        def title(uri: str) -> str | None:
            make_annotation(session, user=user, target_uri=uri)
            [entry] = entries(client, uri=uri)
            return entry.findtext("a:title", namespaces=ATOM)

        assert title("file:///home/a%20b.pdf") == "a b.pdf"
        assert title("https://example.com/untitled") == "https://example.com/untitled"

    def test_leads_to_no_address_that_is_a_script(self, client: TestClient, session: Session, user: User) -> None:
        elsewhere = make_user(session, authority="lms.test")
        make_annotation(session, user=elsewhere, target_uri="javascript:alert(1)")
        [entry] = entries(client, uri="javascript:alert(1)")
        assert entry.findall("a:link", ATOM)[0].get("href") == "http://example.org"

    def test_without_annotations_it_is_empty(self, client: TestClient, user: User) -> None:
        assert user
        assert entries(client) == []
        assert client.get("/stream.atom").status_code == 200


class TestRSS:
    def test_an_item_shows_the_annotation(self, client: TestClient, session: Session, user: User) -> None:
        made = make_annotation(session, user=user, target_uri=PAGE, text="note", created=START)
        answer = client.get("/stream.rss", params={"uri": PAGE})
        assert answer.headers["content-type"] == "application/rss+xml; charset=utf-8"
        [item] = parsed(answer.content).findall("channel/item")
        guid = item.find("guid")
        assert guid is not None
        assert (guid.text, guid.get("isPermaLink")) == (
            f"tag:example.org,2015-09:{annotation_id_to_urlsafe(made.id)}",
            "false",
        )
        assert parsedate_to_datetime(item.findtext("pubDate") or "") == START.replace(microsecond=0)
        assert item.findtext("dc:creator", namespaces=DC) == "maria"
        assert item.findtext("description") == "note"


class TestBoth:
    def test_show_what_the_visitor_may_see(
        self, client: TestClient, session: Session, user: User, sign_in: Callable[[int], None]
    ) -> None:
        private = make_group(session)
        make_annotation(session, user=user, target_uri=PAGE, shared=False)
        make_annotation(session, user=user, target_uri=PAGE, group=private)
        make_annotation(session, user=user, target_uri=PAGE, moderation_status="PENDING")
        make_annotation(session, user=make_user(session, nipsa=True), target_uri=PAGE)
        assert entries(client) == []
        assert entries(client, group=private.pubid) == entries(client, group="nowhere") == []
        sign_in(user.id)
        assert len(entries(client)) == 3

    @pytest.mark.parametrize("path", ["/stream.atom", "/stream.rss"])
    def test_show_twenty_unless_asked_for_more_and_refuse_what_a_search_refuses(
        self, client: TestClient, session: Session, user: User, path: str
    ) -> None:
        for second in range(25):
            make_annotation(session, user=user, target_uri=PAGE, updated=START + timedelta(seconds=second))
        for parameters, number in (({}, 20), ({"limit": "3"}, 3)):
            text = client.get(path, params={"uri": PAGE} | parameters).text
            assert text.count("tag:example.org,2015-09:") == number
        assert client.get(path, params={"limit": "many"}).status_code == 400
