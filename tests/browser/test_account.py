"""What keeps an account safe: the second factor, the list of sessions, a proved address."""

import base64
import time

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from playwright.sync_api import Page, expect

from tests.browser.conftest import Enter
from tests.browser.mailbox import open_mail
from tests.browser.visitor import Account, People

STEP_SECONDS = 30


def shown_by_the_app(secret: str, *, steps: int = 0) -> str:
    """Return the code of the present time step, or of one after it."""
    app = TOTP(base64.b32decode(secret.replace(" ", "")), 6, SHA1(), STEP_SECONDS)  # noqa: S303 - apps do so
    return app.generate(int(time.time()) + steps * STEP_SECONDS).decode()


def log_in(page: Page, people: People, account: Account, path: str) -> None:
    """Go to a page that asks to log in, and do so."""
    page.goto(f"{people.system.url}{path}")
    page.get_by_label("User name or e-mail address").fill(account.username)
    page.get_by_label("Password").fill(account.password)
    page.get_by_role("button", name="Log in").click()


def test_a_second_factor_is_set_up_and_asked_for_in_the_popup(people: People, enter: Enter, page_url: str) -> None:
    account = people.account("two_factor")
    page = enter().context.new_page()
    log_in(page, people, account, "/account/settings/two-factor")
    page.get_by_label("Your password").fill(account.password)
    page.get_by_role("button", name="Set it up").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    secret = page.get_by_text("Secret:").locator("code").inner_text()
    page.get_by_label("Code that the app shows now").fill(shown_by_the_app(secret))
    page.get_by_role("button", name="Turn it on").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    recovery = page.locator(".codes code").all_inner_texts()
    assert len(recovery) == 10

    for code in (shown_by_the_app(secret, steps=1), recovery[0]):
        host = enter().open(page_url)
        host.sidebar.open()
        host.sidebar.log_in(username=account.username, password=account.password, code=code)

    open_mail(page, people.system, to=account.email, subject="A recovery code was used")


def test_a_browser_that_is_logged_out_from_another_is_so_with_its_sidebar(
    people: People, enter: Enter, page_url: str
) -> None:
    account = people.account("left_behind")
    host = enter().open(page_url)
    host.sidebar.open()
    host.sidebar.log_in(username=account.username, password=account.password)
    page = enter().context.new_page()
    log_in(page, people, account, "/account/settings/sessions")
    expect(page.get_by_role("row")).to_have_count(3)

    page.get_by_role("button", name="Log out everywhere else").click()

    expect(page.get_by_role("row")).to_have_count(2)
    host.reload()
    expect(host.sidebar.log_in_button).to_be_attached()


def test_another_address_counts_once_its_mail_was_answered(people: People, enter: Enter) -> None:
    account = people.account("moving")
    page = enter().context.new_page()
    log_in(page, people, account, "/account/settings/email")
    page.get_by_label("New e-mail address").fill("moved@example.org")
    page.get_by_label("Your password").fill(account.password)
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", name="Check your e-mail")).to_be_visible()

    open_mail(page, people.system, to="moved@example.org", subject="confirm your e-mail address")
    page.get_by_role("link", name="/account/email/").first.click()
    page.get_by_role("button", name="Change the address").click()

    expect(page.get_by_text("moved@example.org")).to_be_visible()
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()
    open_mail(page, people.system, to=account.email, subject="Your e-mail address was changed")
