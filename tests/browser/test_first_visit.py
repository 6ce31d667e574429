"""Somebody comes to a new installation and becomes a user of it."""

import re
from urllib.parse import urlsplit

from playwright.sync_api import expect

from tests.browser.conftest import Enter
from tests.browser.mailbox import open_mail
from tests.browser.system import System
from tests.browser.visitor import PASSWORD
from tests.browser.waiting import wait_until


def test_the_printed_address_leads_to_a_page_with_the_sidebar(system: System, enter: Enter) -> None:
    visitor = enter()

    host = visitor.open(system.url)

    assert urlsplit(host.page.url).path == "/welcome"
    expect(host.sidebar.log_in_button).to_be_attached()
    assert not visitor.watch.sockets, "an anonymous visitor gets live updates once the sidebar is open"

    host.sidebar.open()

    expect(host.sidebar.log_in_button).to_be_visible()
    expect(host.sidebar.tab("Annotations")).to_be_visible()
    for path in ("/api/", "/api/links", "/api/profile", "/api/profile/groups", "/api/groups", "/api/search"):
        assert len(visitor.watch.calls(path)) == 1, path
    assert not any("authorization" in request.headers for request in visitor.watch.requests)
    wait_until(host.page, lambda: len(visitor.watch.sockets) == 1)


def test_signing_up_leads_through_a_mail_to_the_first_login(system: System, enter: Enter) -> None:
    visitor = enter()
    page = visitor.context.new_page()
    page.goto(f"{system.url}/signup")
    page.get_by_label("User name").fill("newcomer")
    page.get_by_label("E-mail address").fill("newcomer@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("I agree").check()
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", name="Check your e-mail")).to_be_visible()

    open_mail(page, system, to="newcomer@example.org", subject="account")
    page.get_by_role("link", name=f"{system.url}/activate/").click()
    expect(page.get_by_text("Your account is active")).to_be_visible()

    host = visitor.open(system.url)
    host.sidebar.open()
    host.sidebar.log_in(username="newcomer", password=PASSWORD)


def test_the_sidebar_offers_the_form_to_sign_up(system: System, enter: Enter) -> None:
    visitor = enter()
    host = visitor.open(system.url)
    host.sidebar.open()

    with visitor.context.expect_page() as opened:
        host.sidebar.frame.get_by_role("button", name="Sign up").first.click()

    expect(opened.value.get_by_role("heading", name="Sign up")).to_be_visible()
    assert "action=signup" in visitor.watch.calls("/oauth/authorize")[0].url


def test_the_printed_link_makes_the_first_administrator_once(system: System, enter: Enter) -> None:
    link = re.search(r"http://localhost:\d+/\S*claim\S*", system.printed)
    assert link, system.printed
    visitor = enter()
    page = visitor.context.new_page()

    page.goto(link[0])
    page.get_by_label("User name").fill("keeper")
    page.get_by_label("E-mail address").fill("keeper@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create the administrator").click()
    expect(page.get_by_role("button", name="Create the administrator")).not_to_be_attached()

    assert "keeper" in system.h("user", "list")
    visitor.watch.allow("404")
    page.goto(link[0])
    expect(page.get_by_role("button", name="Create the administrator")).not_to_be_attached()
