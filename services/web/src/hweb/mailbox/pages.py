"""`/dev/mail`: what the embedded mode kept instead of sending it.

These messages hold one-time links that open accounts. They are shown only where no mail server is configured, to a
browser on the machine itself, which called it by one of its own names: a page of another site that had its name point
here would be refused.
"""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, Response

from hweb.deps import SettingsDep
from hweb.mailbox import messages
from hweb.mailbox.messages import MessageNotFoundError
from hweb.security_headers import policy
from hweb.templating import page

router = APIRouter(include_in_schema=False)

NEVER_STORED = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
_LOOPBACK_NAME = re.compile(r"localhost|[a-z0-9.-]+\.localhost")
# No scripts, no forms and nothing loaded: a message is somebody else's HTML.
_MESSAGE_POLICY = policy(
    {
        "script-src": None,
        "style-src": "'unsafe-inline'",
        "img-src": "data:",
        "font-src": None,
        "connect-src": None,
        "form-action": "'none'",
        "sandbox": "allow-popups allow-popups-to-escape-sandbox",
    }
)


def mail_directory(request: Request, settings: SettingsDep) -> Path:
    """Return the directory of kept mail.

    Raises:
        MessageNotFoundError: Mail is sent and not kept, or the browser is elsewhere.
    """
    names = (urlsplit(settings.app_url).hostname, request.url.hostname, request.client.host if request.client else None)
    if settings.mail_dir is None or settings.mail_host or not all(_is_loopback(name) for name in names):
        raise MessageNotFoundError("There is no mailbox here.")
    return settings.mail_dir


MailDirectoryDep = Annotated[Path, Depends(mail_directory)]


@router.get("/dev/mail", name="mailbox")
def mailbox(request: Request, directory: MailDirectoryDep) -> Response:
    """List the kept messages."""
    return page(request, "mailbox/list.html.jinja2", headers=NEVER_STORED, messages=messages.newest(directory))


@router.get("/dev/mail/{name}", name="mailbox.message")
def message(request: Request, directory: MailDirectoryDep, name: str) -> Response:
    """Show the plain text of a message, its links ready to follow."""
    return page(request, "mailbox/message.html.jinja2", headers=NEVER_STORED, message=messages.read(directory, name))


@router.get("/dev/mail/{name}/html", name="mailbox.html")
def html(directory: MailDirectoryDep, name: str) -> Response:
    """Show the HTML of a message by itself, in a sandbox."""
    found = messages.read(directory, name).html
    if found is None:
        raise MessageNotFoundError("This message has no HTML.")
    return HTMLResponse(found, headers=NEVER_STORED | {"Content-Security-Policy": _MESSAGE_POLICY})


def _is_loopback(name: str | None) -> bool:
    if name is None:
        return False
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return _LOOPBACK_NAME.fullmatch(name) is not None
