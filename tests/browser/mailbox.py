"""The mail that the embedded mode keeps instead of sending it, or that whoever started the containers keeps."""

import email
import email.policy
import html
import re
from email.message import EmailMessage
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.system import System
from tests.browser.waiting import wait_until

_LINK = re.compile(r"https?://[^\s<]+")


def open_mail(page: Page, system: System, *, to: str, subject: str) -> None:
    """Wait for a mail to somebody whose subject contains this, and open the newest one."""
    if system.kept_mail is not None:
        _open_file(page, system.kept_mail, to=to, subject=subject)
        return
    row = page.get_by_role("row").filter(has_text=to).filter(has_text=subject)

    def has_come() -> bool:
        page.goto(f"{system.url}/dev/mail")
        return row.count() > 0

    wait_until(page, has_come)
    row.first.get_by_role("link").click()


def _open_file(page: Page, directory: Path, *, to: str, subject: str) -> None:
    found: list[EmailMessage] = []

    def has_come() -> bool:
        for path in sorted(directory.glob("*.eml")):
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            if isinstance(message, EmailMessage) and to in message["To"] and subject in message["Subject"]:
                found.append(message)
        return bool(found)

    wait_until(page, has_come)
    body = found[-1].get_body(("plain",))
    assert body is not None
    text = _LINK.sub(r'<a href="\g<0>">\g<0></a>', html.escape(body.get_content()))
    page.goto("about:blank")
    page.set_content(f"<pre>{text}</pre>")
