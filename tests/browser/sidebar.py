"""A page with the Hypothesis client in it, as a person sees it: the page, the adder, the sidebar.

The locators, and those of `cards`, hold for the client's version 1.1766.0.
"""

import re

from playwright.sync_api import FrameLocator, Locator, Page, expect

from tests.browser.cards import Card, Editor, Note, saved

FRAME = "iframe[title='Hypothesis annotation viewer']"


class HostPage:
    """The page that is annotated.

    Attributes:
        page: Playwright's page.
        sidebar: The sidebar in it.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.sidebar = Sidebar(page)

    def goto(self, url: str) -> None:
        """Go there, and wait until the sidebar's application has connected to the page."""
        self.page.goto(url)
        self.wait_for_client()

    def reload(self) -> None:
        """Load the page again, and wait as `goto` does."""
        self.page.reload()
        self.wait_for_client()

    def wait_for_client(self) -> None:
        """Wait until the sidebar can be opened."""
        expect(self.page.locator("hypothesis-sidebar")).to_be_attached()
        # Its container is not displayed before the application in the frame has said that it is there.
        expect(self.page.locator("#sidebar-container")).not_to_have_css("display", "none")

    def select(self, selector: str) -> None:
        """Select an element's text, so that the adder shows up."""
        self.page.locator(selector).select_text()
        expect(self._adder.locator("[data-component=AdderToolbar]")).to_have_css("visibility", "visible")

    def annotate(self, selector: str) -> Editor:
        """Begin an annotation of an element's text."""
        self.sidebar.wait_for_session()
        self.select(selector)
        self.press_adder("Annotate")
        self.sidebar.settle()
        return self.sidebar.editor

    def highlight(self, selector: str) -> Note:
        """Highlight an element's text and return what was saved."""
        self.sidebar.wait_for_session()
        self.select(selector)
        return saved(self.page, "POST", lambda: self.press_adder("Highlight"))

    def press_adder(self, name: str) -> None:
        """Press a button of the adder."""
        self._adder.get_by_role("button", name=name).click()

    def new_page_note(self) -> Editor:
        """Begin a note about the whole page."""
        self.sidebar.wait_for_session()
        self.page.get_by_role("button", name="New page note").click()
        self.sidebar.settle()
        return self.sidebar.editor

    @property
    def highlights(self) -> Locator:
        """What is highlighted in the page."""
        return self.page.locator("hypothesis-highlight")

    @property
    def notebook(self) -> FrameLocator:
        """The notebook, once it has been opened."""
        return self.page.frame_locator("iframe[title='Hypothesis annotation notebook']")

    @property
    def _adder(self) -> Locator:
        return self.page.locator("hypothesis-adder")


class Sidebar:
    """The sidebar of a page."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.frame = page.frame_locator(FRAME)

    def open(self) -> None:
        """Open it if it is closed."""
        toggle = self._page.get_by_role("button", name="Annotation sidebar")
        if toggle.get_attribute("aria-expanded") != "true":
            toggle.click()
        self.settle()

    def settle(self) -> None:
        """Wait until it has slid in: a click before that misses."""
        expect(self._page.locator(FRAME)).to_be_in_viewport(ratio=0.99)

    # Session

    def wait_for_session(self) -> None:
        """Wait until it knows who is there: before, it asks everybody who wants to write to log in."""
        expect(self.user_menu.or_(self.log_in_button).first).to_be_attached()

    @property
    def log_in_button(self) -> Locator:
        """What visitors see instead of the user menu."""
        return self.frame.get_by_role("button", name="Log in").first

    @property
    def user_menu(self) -> Locator:
        """What logged-in users see."""
        return self.frame.get_by_test_id("user-menu")

    def log_in(self, *, username: str, password: str, code: str | None = None) -> None:
        """Log in through the popup, which also asks for a code if the account has a second factor."""
        with self._page.context.expect_page() as opened:
            self.log_in_button.click()
        popup = opened.value
        popup.get_by_label("User name or e-mail address").fill(username)
        popup.get_by_label("Password", exact=True).fill(password)
        if code is not None:
            popup.get_by_role("button", name="Log in").click()
            popup.get_by_label("Code from your app").fill(code)
        with popup.expect_event("close"):
            popup.get_by_role("button", name="Log in").click()
        expect(self.user_menu).to_be_visible()

    def choose(self, item: str) -> None:
        """Choose from the user menu."""
        self.user_menu.get_by_role("button").first.click()
        self.frame.get_by_role("menuitem", name=item).click()

    # Groups

    def choose_group(self, name: str) -> None:
        """Show another group's annotations, and write into it from now on."""
        self._open_groups().click()
        self.frame.get_by_role("menuitemradio", name=name).click()
        expect(self._open_groups(name)).to_be_visible()

    def groups(self) -> list[str]:
        """Return the names that the menu of groups lists."""
        self._open_groups().click()
        rows = self.frame.get_by_role("menuitemradio")
        expect(rows.first).to_be_visible()
        names = rows.all_inner_texts()
        self._page.keyboard.press("Escape")
        return [name.strip() for name in names]

    def _open_groups(self, name: str = "") -> Locator:
        return self.frame.get_by_role("button", name=re.compile(f"Select group.*{re.escape(name)}"))

    # Cards

    def tab(self, name: str) -> Locator:
        """One of `Annotations`, `Page notes`, `Unanchored`; its title tells how many there are."""
        return self.frame.get_by_role("tab", name=name)

    def show(self, tab: str) -> None:
        """Go to a tab."""
        self.tab(tab).click()
        expect(self.tab(tab)).to_have_attribute("aria-selected", "true")

    @property
    def cards(self) -> Locator:
        """The cards, each with its replies."""
        return self.frame.get_by_test_id("thread-card")

    def card(self, text: str) -> Card:
        """The one annotation or reply that has this text."""
        # Threads lie in each other; the innermost that has the text comes last.
        return Card(self._page, self.frame, self.frame.get_by_test_id("thread-container").filter(has_text=text).last)

    def show_replies(self, count: int) -> None:
        """Unfold a conversation."""
        self.frame.get_by_role("button", name=f"Show replies ({count})").click()

    def edit(self, text: str) -> Editor:
        """Begin to change the annotation that has this text."""
        self.card(text).press("Edit")
        return self.editor

    @property
    def editor(self) -> Editor:
        """The one annotation that is being written."""
        return Editor(self._page, self.frame)

    # Live updates

    @property
    def updates(self) -> Locator:
        """Tells that others have changed something."""
        return self.frame.get_by_test_id("notification")

    def apply_updates(self) -> None:
        """Show what others have changed."""
        self.updates.click()
        expect(self.updates).not_to_be_attached()

    # Messages

    def toast(self, text: str) -> Locator:
        """A message that passes; many are for screen readers only."""
        return self.frame.locator("[data-component=ToastMessages]").get_by_text(text)

    def confirm(self, question: str, answer: str) -> None:
        """Answer a question."""
        self.dialog(question).get_by_role("button", name=answer).click()

    def dialog(self, question: str) -> Locator:
        """The dialog that asks this."""
        return self.frame.get_by_role("dialog").filter(has_text=question)
