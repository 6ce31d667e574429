"""Pages: of one's own, with odd addresses, with many notes; and the client's other pages."""

import re
from urllib.parse import quote, unquote

import pytest
from playwright.sync_api import expect

from tests.browser.api import Api
from tests.browser.conftest import Enter
from tests.browser.ownsite import OwnSite
from tests.browser.sidebar import HostPage
from tests.browser.system import System
from tests.browser.visitor import People


def test_a_page_of_ones_own_needs_one_script_tag(system: System, enter: Enter, page_url: str) -> None:
    visitor = enter()

    host = visitor.open(page_url)

    assert re.findall(r"<script[^>]*>", host.page.request.get(page_url).text()) == [
        f'<script async src="{system.url}/embed.js">'
    ]
    host.sidebar.open()
    expect(host.sidebar.log_in_button).to_be_visible()
    groups = visitor.watch.calls("/api/groups")[0]
    assert f"document_uri={quote(page_url, safe='')}" in groups.url
    assert not visitor.watch.calls("/api/profile", method="OPTIONS"), "the sidebar asks its own origin"


def test_the_bookmark_brings_the_sidebar_to_any_page(
    system: System, enter: Enter, request: pytest.FixtureRequest, site: OwnSite
) -> None:
    visitor = enter()
    page = visitor.context.new_page()
    page.goto(system.url)
    bookmark = page.get_by_role("link", name="Annotate", exact=True).get_attribute("href") or ""
    page.goto(site.page_without_client(request.node.name))
    host = HostPage(page)

    page.evaluate(unquote(bookmark.removeprefix("javascript:")))

    host.wait_for_client()
    host.sidebar.open()
    expect(host.sidebar.log_in_button).to_be_visible()


def test_an_address_with_escaped_separators_is_one_page(people: People, enter: Enter, page_url: str) -> None:
    url = f"{page_url}?a=x%2Fy&b=p%26q&c=r%23s#part"
    host = enter("alice").open(url)
    editor = host.annotate("#first")
    editor.write("Mind the escapes")

    note = editor.post()

    host.reload()
    host.sidebar.open()
    expect(host.sidebar.card("Mind the escapes").text).to_be_visible()
    with Api(people.system, token=people.token("alice")) as api:
        for address in (url, note["uri"]):
            assert [row["id"] for row in api.search(uri=address)] == [note["id"]], address


def test_a_page_may_have_more_notes_than_one_answer_holds(people: People, enter: Enter, page_url: str) -> None:
    with Api(people.system, token=people.token("bob")) as api:
        notes = [api.create(uri=page_url, text=f"Remark {number}") for number in range(60)]
    visitor = enter()

    host = visitor.open(page_url)

    host.sidebar.open()
    expect(host.sidebar.tab("Page notes")).to_have_attribute("title", "Page notes (60 available)")
    searches = [request.url for request in visitor.watch.calls("/api/search")]
    assert len(searches) == 2
    assert f"search_after={quote(notes[49]['created'], safe='')}" in searches[1]


def test_a_link_to_an_annotation_opens_the_page_at_it(people: People, enter: Enter, page_url: str) -> None:
    with Api(people.system, token=people.token("bob")) as api:
        api.create(uri=page_url, text="Not this one")
        note = api.create(uri=page_url, text="This one")
    visitor = enter()

    host = visitor.open(f"{page_url}#annotations:{note['id']}")

    host.sidebar.settle()
    expect(host.sidebar.cards).to_have_count(1)
    expect(host.sidebar.card("This one").text).to_be_visible()
    expect(host.sidebar.frame.get_by_test_id("selection-toggle")).to_contain_text("1 selected")


def test_a_link_to_an_annotation_that_is_gone_says_so(enter: Enter, page_url: str) -> None:
    visitor = enter()
    visitor.watch.allow("404")

    host = visitor.open(f"{page_url}#annotations:AAAAAAAAEeWAAAAAAAAAAA")

    host.sidebar.settle()
    expect(host.sidebar.frame.get_by_text("Annotation unavailable")).to_be_visible()


def test_an_annotation_has_a_page_of_its_own_with_its_conversation(people: People, enter: Enter, page_url: str) -> None:
    with Api(people.system, token=people.token("bob")) as api:
        top = api.create(uri=page_url, text="How it began")
        reply = api.create(uri=page_url, text="How it went on", references=[top["id"]])
    visitor = enter()
    page = visitor.context.new_page()

    page.goto(reply["links"]["html"])

    expect(page.get_by_test_id("markdown-text").filter(has_text="How it began")).to_be_visible()
    expect(page.get_by_test_id("markdown-text").filter(has_text="How it went on")).to_be_visible()


def test_the_stream_shows_what_a_query_finds(people: People, enter: Enter, page_url: str) -> None:
    with Api(people.system, token=people.token("bob")) as api:
        api.create(uri=page_url, text="Tagged", tags=["cumulus"])
        api.create(uri=page_url, text="Not tagged")
    visitor = enter()
    page = visitor.context.new_page()

    page.goto(f"{people.system.url}/stream?q=tag:cumulus")

    expect(page.get_by_test_id("markdown-text")).to_have_text(["Tagged"])
    assert "tags=cumulus" in visitor.watch.calls("/api/search")[0].url


def test_a_tag_leads_to_everything_that_has_it(people: People, enter: Enter, page_url: str, site: OwnSite) -> None:
    with Api(people.system, token=people.token("bob")) as api:
        api.create(uri=page_url, text="Here", tags=["cirrus clouds"])
        api.create(uri=site.page("elsewhere"), text="There", tags=["cirrus clouds"])
    visitor = enter()
    host = visitor.open(page_url)
    host.sidebar.open()
    host.sidebar.show("Page notes")

    with visitor.context.expect_page() as opened:
        host.sidebar.card("Here").tag("cirrus clouds").click()

    notes = opened.value.get_by_test_id("markdown-text")
    expect(notes).to_have_count(2)
    assert set(notes.all_inner_texts()) == {"Here", "There"}


def test_an_authors_name_leads_to_what_they_wrote(people: People, enter: Enter, page_url: str, site: OwnSite) -> None:
    people.account("poet")
    with Api(people.system, token=people.token("poet")) as api:
        api.create(uri=page_url, text="Roses are red")
        api.create(uri=site.page("elsewhere"), text="Violets are blue")
    visitor = enter()
    host = visitor.open(page_url)
    host.sidebar.open()
    host.sidebar.show("Page notes")

    with visitor.context.expect_page() as opened:
        host.sidebar.card("Roses are red").root.get_by_role("link", name="poet").click()

    notes = opened.value.get_by_test_id("markdown-text")
    expect(notes).to_have_count(2)
    assert set(notes.all_inner_texts()) == {"Roses are red", "Violets are blue"}


def test_the_notebook_shows_a_group_across_pages(people: People, enter: Enter, page_url: str, site: OwnSite) -> None:
    quote_of_page = {"source": page_url, "selector": [{"type": "TextQuoteSelector", "exact": "words"}]}
    with Api(people.system, token=people.token("alice")) as api:
        # The client shows the newest first, except where all of its first answer are page notes: then the oldest.
        api.create(uri=page_url, text="In the notebook", target=[quote_of_page])
        api.create(uri=site.page("other-volume"), text="In the notebook as well")
    visitor = enter("alice")
    host = visitor.open(page_url)
    host.sidebar.open()

    with host.page.expect_response(re.compile("/api/groups/__world__")) as answered:
        host.sidebar.choose("Open notebook")

    assert answered.value.ok
    notes = host.notebook.get_by_test_id("markdown-text")
    expect(notes.nth(0)).to_have_text("In the notebook as well")
    expect(notes.nth(1)).to_have_text("In the notebook")
    expect(host.notebook.get_by_test_id("notebook-group-name")).to_have_text("Public")
    host.page.get_by_role("button", name="Close notebook").click()
    expect(host.sidebar.user_menu).to_be_attached()


def test_the_notebook_may_have_more_notes_than_one_answer_holds(people: People, enter: Enter, page_url: str) -> None:
    with Api(people.system, token=people.token("alice")) as api:
        notes = [api.create(uri=page_url, text=f"Remark {number}") for number in range(60)]
    visitor = enter("alice")
    host = visitor.open(page_url)
    host.sidebar.open()

    host.sidebar.choose("Open notebook")

    expect(host.notebook.get_by_role("button", name="Go to page 2")).to_be_visible()
    first, second = [call for call in visitor.watch.calls("/api/search") if "sort=updated" in call.url]
    assert f"search_after={quote(notes[10]['updated'], safe='')}" in second.url
    answered = [call.response() for call in (first, second)]
    rows = [row["id"] for answer in answered if answer for row in answer.json()["rows"]]
    assert rows[:60] == [note["id"] for note in reversed(notes)]
    expect(host.notebook.get_by_test_id("notebook-container")).to_contain_text(f"({len(rows)} annotations)")


def test_the_tutorial_is_shown_until_it_is_closed(people: People, enter: Enter, page_url: str) -> None:
    people.account("beginner")
    visitor = enter("beginner")
    host = visitor.open(page_url)
    host.sidebar.open()
    tutorial = host.sidebar.frame.get_by_test_id("tutorial-panel")
    expect(tutorial).to_be_visible()

    with host.page.expect_response(lambda response: response.request.method == "PATCH") as answered:
        host.sidebar.frame.get_by_role("button", name="Close").first.click()

    assert answered.value.json()["preferences"].get("show_sidebar_tutorial", False) is False
    expect(tutorial).not_to_be_visible()
    host.reload()
    host.sidebar.open()
    expect(host.sidebar.user_menu).to_be_visible()
    expect(tutorial).not_to_be_visible()
