"""Logging in, staying logged in, logging out."""

from playwright.sync_api import expect

from tests.browser.conftest import Enter
from tests.browser.tokens import change_token, stored_token, userid_of
from tests.browser.visitor import People


def test_a_login_survives_reloading_and_ends_with_logging_out(people: People, enter: Enter, page_url: str) -> None:
    account = people.account("leaving")
    visitor = enter()
    host = visitor.open(page_url)
    host.sidebar.open()

    host.sidebar.log_in(username=account.username, password=account.password)

    assert len(visitor.watch.calls("/api/token", method="POST")) == 1
    token = stored_token(visitor, people.system)["accessToken"]

    host.reload()

    expect(host.sidebar.user_menu).to_be_attached()
    assert len(visitor.watch.calls("/api/token", method="POST")) == 1, "the old token still serves"
    assert userid_of(token, people.system) == account.userid

    host.sidebar.open()
    host.sidebar.choose("Log out")

    expect(host.sidebar.log_in_button).to_be_visible()
    assert userid_of(token, people.system) is None
    host.reload()
    expect(host.sidebar.log_in_button).to_be_attached()


def test_whoever_has_logged_in_to_the_site_needs_no_password_for_the_sidebar(
    people: People, enter: Enter, page_url: str
) -> None:
    account = people.account("one_click")
    visitor = enter()
    page = visitor.context.new_page()
    page.goto(f"{people.system.url}/login")
    page.get_by_label("User name or e-mail address").fill(account.username)
    page.get_by_label("Password").fill(account.password)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("link", name=account.username)).to_be_visible()
    host = visitor.open(page_url)
    host.sidebar.open()

    host.sidebar.log_in_button.click()

    expect(host.sidebar.user_menu).to_be_visible()
    expect(host.sidebar.user_menu.get_by_role("button").first).to_have_attribute("title", account.username)


def test_a_login_in_one_tab_is_one_in_the_other(people: People, enter: Enter, page_url: str) -> None:
    account = people.account("two_tabs")
    visitor = enter()
    first = visitor.open(page_url)
    second = visitor.open(f"{page_url}/second")
    expect(first.sidebar.log_in_button).to_be_attached()

    second.page.bring_to_front()
    second.sidebar.open()
    second.sidebar.log_in(username=account.username, password=account.password)

    expect(first.sidebar.user_menu).to_be_attached()


def test_annotating_without_an_account_asks_to_log_in(enter: Enter, page_url: str) -> None:
    visitor = enter()
    host = visitor.open(page_url)

    host.select("#first")
    host.press_adder("Annotate")

    expect(host.sidebar.frame.get_by_text("Login needed")).to_be_visible()
    assert not visitor.watch.calls("/api/annotations", method="POST")


def test_a_token_that_the_server_does_not_know_counts_as_logged_out(
    people: People, enter: Enter, page_url: str
) -> None:
    visitor = enter("alice")
    change_token(visitor, people.system, {"accessToken": "5768-never-issued"})

    host = visitor.open(page_url)

    expect(host.sidebar.log_in_button).to_be_attached()


def test_an_expired_token_is_exchanged_for_a_new_one(people: People, enter: Enter, page_url: str) -> None:
    account = people.account("returning")
    visitor = enter()
    host = visitor.open(page_url)
    host.sidebar.open()
    host.sidebar.log_in(username=account.username, password=account.password)
    old = stored_token(visitor, people.system)
    host.page.close()
    change_token(visitor, people.system, {"expiresAt": 1})

    host = visitor.open(page_url)

    expect(host.sidebar.user_menu).to_be_attached()
    refresh = visitor.watch.calls("/api/token", method="POST")[-1].post_data or ""
    assert "grant_type=refresh_token" in refresh
    assert "client_id" not in refresh
    new = stored_token(visitor, people.system)
    assert new["accessToken"] != old["accessToken"]
    assert userid_of(new["accessToken"], people.system) == account.userid
