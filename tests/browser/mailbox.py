"""The mail that the embedded mode keeps instead of sending it."""

from playwright.sync_api import Page

from tests.browser.system import System
from tests.browser.waiting import wait_until


def open_mail(page: Page, system: System, *, to: str, subject: str) -> None:
    """Wait for a mail to somebody whose subject contains this, and open the newest one."""
    row = page.get_by_role("row").filter(has_text=to).filter(has_text=subject)

    def has_come() -> bool:
        page.goto(f"{system.url}/dev/mail")
        return row.count() > 0

    wait_until(page, has_come)
    row.first.get_by_role("link").click()
