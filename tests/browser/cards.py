"""Cards in the sidebar, and the editor in which their texts are written."""

from collections.abc import Callable, Iterable
from typing import Any

from playwright.sync_api import FrameLocator, Locator, Page, Response, expect

ANNOTATIONS = "/api/annotations"

Note = dict[str, Any]
"""An annotation as the API answers it."""


class Card:
    """An annotation or a reply with what it says and what can be done to it."""

    def __init__(self, page: Page, frame: FrameLocator, root: Locator) -> None:
        self._page = page
        self._frame = frame
        self.root = root

    @property
    def text(self) -> Locator:
        """Its text."""
        return self.root.get_by_test_id("markdown-text").first

    @property
    def lock(self) -> Locator:
        """The sign that nobody else sees it."""
        return self.root.get_by_title("This annotation is visible only to you")

    def tag(self, name: str) -> Locator:
        """A tag, which links to what else has it."""
        return self.root.get_by_role("link", name=name)

    def press(self, action: str) -> None:
        """Press one of its own buttons, not one of its replies'."""
        self.root.get_by_test_id("annotation-action-bar").first.get_by_role("button", name=action).click()

    def reply(self, text: str) -> Note:
        """Answer it, and return the reply that was saved."""
        self.press("Reply")
        editor = Editor(self._page, self._frame, label="Enter reply")
        editor.write(text)
        return editor.post()

    def delete(self) -> None:
        """Delete it and confirm."""
        self.press("Delete")
        dialog = self._frame.get_by_role("dialog").filter(has_text="Delete")
        with self._page.expect_response(is_answer("DELETE")) as answered:
            dialog.get_by_role("button", name="Delete").click()
        assert answered.value.ok, answered.value.text()


class Editor:
    """The annotation that is being written."""

    def __init__(self, page: Page, frame: FrameLocator, *, label: str = "Enter comment") -> None:
        self._page = page
        self._frame = frame
        self._text = frame.get_by_label(label)

    def write(self, text: str, *, tags: Iterable[str] = ()) -> None:
        """Type the text, in place of what is there, and add tags."""
        self._text.fill(text)
        for tag in tags:
            field = self._frame.get_by_label("Add tags")
            field.fill(tag)
            field.press("Enter")

    def only_me(self) -> None:
        """Keep it from everybody else."""
        self._frame.get_by_role("button", name="Change annotation sharing setting").click()
        self._frame.get_by_role("menuitemradio", name="Only Me").click()
        expect(self._publish).to_have_text("Post to Only Me")

    def post(self) -> Note:
        """Save it, and return what was saved."""
        return saved(self._page, "POST", self._publish.click)

    def update(self) -> Note:
        """Save what was changed, and return what was saved."""
        return saved(self._page, "PATCH", self._publish.click)

    @property
    def _publish(self) -> Locator:
        return self._frame.get_by_test_id("publish-control-button")


def saved(page: Page, method: str, action: Callable[[], None]) -> Note:
    """Do something that saves an annotation, and return the server's answer."""
    with page.expect_response(is_answer(method)) as answered:
        action()
    response = answered.value
    assert response.ok, f"{response.status}: {response.text()}"
    note: Note = response.json()
    return note


def is_answer(method: str) -> Callable[[Response], bool]:
    """Match the answer to a write of an annotation."""
    return lambda response: response.request.method == method and ANNOTATIONS in response.url
