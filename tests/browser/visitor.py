"""People with browsers of their own, and accounts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext

from tests.browser.ownsite import OwnSite
from tests.browser.sidebar import HostPage
from tests.browser.system import System
from tests.browser.watch import Watch

PASSWORD = "correct horse battery staple"
TIMEOUT_MS = 15_000


@dataclass(frozen=True)
class Account:
    """Somebody who may log in."""

    username: str
    email: str
    userid: str
    password: str = PASSWORD


class Visitor:
    """One person's browser: storage and cookies of its own.

    Attributes:
        context: Playwright's context.
        watch: What went on in it.
    """

    def __init__(self, context: BrowserContext) -> None:
        context.set_default_timeout(TIMEOUT_MS)
        self.context = context
        self.watch = Watch(context)

    def open(self, url: str) -> HostPage:
        """Open a page with the client in a new tab."""
        host = HostPage(self.context.new_page())
        host.goto(url)
        return host


@dataclass
class People:
    """Makes accounts and opens browsers; whoever logs in comes through the popup once, and is remembered."""

    browser: Browser
    system: System
    site: OwnSite
    accounts: dict[str, Account] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    states: dict[str, Any] = field(default_factory=dict)

    def account(self, username: str) -> Account:
        """Return an account, made with the command line when it is asked for first."""
        if username not in self.accounts:
            email = f"{username}@example.org"
            self.system.h("user", "add", username, "--email", email, "--password-stdin", typed=PASSWORD)
            userid = f"acct:{username}@{self.system.authority}"
            self.accounts[username] = Account(username=username, email=email, userid=userid)
        return self.accounts[username]

    def token(self, username: str) -> str:
        """Return a developer token of an account."""
        if username not in self.tokens:
            self.account(username)
            self.tokens[username] = self.system.h("token", "create", username).strip()
        return self.tokens[username]

    @contextmanager
    def visit(self, username: str | None = None) -> Iterator[Visitor]:
        """Open a browser, logged in as somebody or as nobody."""
        state = None
        if username is not None:
            if username not in self.states:
                self.states[username] = self._logged_in(self.account(username))
            state = self.states[username]
        context = self.browser.new_context(storage_state=state)
        try:
            yield Visitor(context)
        finally:
            context.close()

    def _logged_in(self, account: Account) -> Any:
        context = self.browser.new_context()
        try:
            host = Visitor(context).open(self.site.page("log-in"))
            host.sidebar.open()
            host.sidebar.log_in(username=account.username, password=account.password)
            return context.storage_state()
        finally:
            context.close()


def picture(visitor: Visitor, path: Path) -> None:
    """Keep what each of somebody's pages looks like; for a test that failed."""
    for number, page in enumerate(visitor.context.pages):
        page.screenshot(path=path.with_name(f"{path.name}-{number}.png"))
