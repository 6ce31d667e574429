"""The site's own pages, which no browser may find fault with; the journeys' fixture looks for what it would say."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Enter
from tests.browser.system import System

FOR_EVERYBODY = ("/welcome", "/login", "/signup", "/forgot-password", "/docs", "/docs/help")
FOR_USERS = (
    "/welcome",
    "/account/settings",
    "/account/settings/email",
    "/account/settings/sessions",
    "/account/settings/two-factor",
    "/groups/new",
    "/logout",
)
OF_THE_CLIENT = ("/app.html", "/notebook", "/stream", "/user-profile")


@pytest.mark.parametrize(("username", "paths"), [(None, FOR_EVERYBODY), ("alice", FOR_USERS)], ids=["visitor", "user"])
def test_pages_show_without_complaints_of_the_browser(
    system: System, enter: Enter, username: str | None, paths: tuple[str, ...]
) -> None:
    page = enter(username).context.new_page()

    for path in paths:
        answer = page.goto(f"{system.url}{path}")

        assert answer is not None
        assert answer.ok, path
        expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_kept_mail_shows_without_complaints_of_the_browser(system: System, enter: Enter) -> None:
    if system.kept_mail is not None:
        pytest.skip("this system sends its mail")
    page = enter().context.new_page()

    page.goto(f"{system.url}/dev/mail")

    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_the_clients_own_pages_show_without_complaints_of_the_browser(system: System, enter: Enter) -> None:
    page = enter().context.new_page()

    for path in OF_THE_CLIENT:
        page.goto(f"{system.url}{path}")

        expect(page.get_by_test_id("hypothesis-app")).to_be_visible()


def test_an_address_that_leads_nowhere_says_so(system: System, enter: Enter) -> None:
    visitor = enter()
    visitor.watch.allow("404")
    page = visitor.context.new_page()

    answer = page.goto(f"{system.url}/no-such-page")

    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_role("link", name="Welcome")).to_be_visible()
