"""Logging in through the site's identity provider."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Enter
from tests.browser.containers import Containers
from tests.browser.provider import NAME, NOT_THERE
from tests.browser.system import System
from tests.browser.tokens import stored_token, userid_of
from tests.browser.visitor import PASSWORD, Visitor


@pytest.fixture(autouse=True)
def _has_provider(system: System | Containers) -> None:
    if isinstance(system, Containers):
        pytest.skip("the containers have no identity provider")


def _to_provider(visitor: Visitor, page: Page) -> None:
    visitor.watch.allow(NOT_THERE)
    page.get_by_role("link", name=f"Log in with {NAME}").click()


def test_the_sidebar_lets_somebody_in_who_has_never_been_here(system: System, enter: Enter, page_url: str) -> None:
    visitor = enter()
    host = visitor.open(page_url)
    host.sidebar.open()
    with visitor.context.expect_page() as opened:
        host.sidebar.log_in_button.click()
    popup = opened.value

    _to_provider(visitor, popup)
    popup.get_by_role("button", name="nina-1").click()
    expect(popup.get_by_label("User name")).to_have_value("nina")
    popup.get_by_label("I agree").check()
    with popup.expect_event("close"):
        popup.get_by_role("button", name="Sign up").click()

    expect(host.sidebar.user_menu).to_be_visible()
    assert userid_of(stored_token(visitor, system)["accessToken"], system) == f"acct:nina@{system.authority}"

    host.sidebar.choose("Log out")
    with visitor.context.expect_page() as opened:
        host.sidebar.log_in_button.click()
    _to_provider(visitor, opened.value)
    with opened.value.expect_event("close"):
        opened.value.get_by_role("button", name="nina-1").first.click()
    expect(host.sidebar.user_menu).to_be_visible()


def test_an_account_is_connected_in_the_popup_by_its_password(system: System, enter: Enter, page_url: str) -> None:
    system.h("user", "add", "the_otto", "--email", "otto@example.org", "--password-stdin", typed=PASSWORD)
    visitor = enter()
    host = visitor.open(page_url)
    host.sidebar.open()
    with visitor.context.expect_page() as opened:
        host.sidebar.log_in_button.click()
    popup = opened.value

    _to_provider(visitor, popup)
    popup.get_by_role("button", name="otto-1").click()
    expect(popup.get_by_text("There is an account the_otto with your mail address")).to_be_visible()
    popup.get_by_role("link", name="Log in with your password").click()
    popup.get_by_label("Password", exact=True).fill(PASSWORD)
    popup.get_by_role("button", name="Log in").click()
    with popup.expect_event("close"):
        popup.get_by_role("button", name="Connect the account").click()

    expect(host.sidebar.user_menu).to_be_visible()
    assert userid_of(stored_token(visitor, system)["accessToken"], system) == f"acct:the_otto@{system.authority}"


def test_an_account_is_connected_from_its_settings(system: System, enter: Enter) -> None:
    system.h("user", "add", "settled", "--email", "settled@example.org", "--password-stdin", typed=PASSWORD)
    visitor = enter()
    page = visitor.context.new_page()
    page.goto(f"{system.url}/login?next=/account/settings/identity")
    page.get_by_label("User name or e-mail address").fill("settled")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()

    visitor.watch.allow(NOT_THERE)
    page.get_by_role("button", name=f"Connect with {NAME}").click()
    page.get_by_placeholder("sub").fill("settled-1")
    page.get_by_role("button", name="Authorize").click()

    expect(page.get_by_text("known there as settled-1")).to_be_visible()
    page.get_by_role("button", name="Disconnect").click()
    expect(page.get_by_role("button", name=f"Connect with {NAME}")).to_be_visible()
