"""What holds for every page: whoever uses it, and with whatever, finds their way."""

from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from itertools import pairwise
from urllib.parse import urldefrag, urlsplit

import pytest
from hcommon.models import User
from hcommon.models.group import Role
from hcommon.testing.factories import add_member, make_group, make_user, make_world_group
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})
PAGES = ["/welcome", "/docs", "/groups/new", "/forgot-password", "/login", "/signup", "/no-such-page"]
PAGES_OF_USERS = [
    "/welcome",
    "/account/settings",
    "/account/settings/notifications",
    "/account/settings/password",
    "/account/developer",
    "/account/delete",
    "/groups/new",
]
PAGES_OF_GROUPS = ["/groups/abcd1234/readers", "/groups/abcd1234/edit", "/groups/abcd1234/edit/members"]


class Page(HTMLParser):
    """A page's elements, in order, and what is wrong with its nesting."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.ancestors: list[tuple[str, ...]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.unbalanced: list[str] = []
        self.feed(text)
        self.unbalanced += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self.ancestors.append(tuple(self._open))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()
        else:
            self.unbalanced.append(f"/{tag}")

    def all(self, *tags: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag in tags]


def load(client: TestClient, path: str) -> Page:
    answer = client.get(path)
    assert answer.headers["content-type"].startswith("text/html"), path
    return Page(answer.text)


def make_readers(session: Session, owner: User) -> None:
    group = make_group(session, pubid="abcd1234", name="Readers", description="We read")
    add_member(session, group=group, user=owner, role=Role.OWNER)
    add_member(session, group=group, user=make_user(session))


@pytest.fixture(params=[*PAGES, PAGES_OF_GROUPS[0], *(f"user {path}" for path in PAGES_OF_USERS + PAGES_OF_GROUPS)])
def page(request: pytest.FixtureRequest, client: TestClient, session: Session, sign_in: Callable[[int], None]) -> Page:
    """Every page in turn, as visitors and as users see it."""
    path: str = request.param
    maria = make_user(session, username="maria")
    make_readers(session, maria)
    if path.startswith("user "):
        make_world_group(session)
        sign_in(maria.id)
    return load(client, path.removeprefix("user "))


class TestEveryPage:
    def test_its_markup_is_well_formed(self, page: Page) -> None:
        assert page.unbalanced == []

    def test_it_names_its_language_and_itself(self, page: Page) -> None:
        assert page.all("html") == [{"lang": "en"}]
        assert len(page.all("title")) == 1
        assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all("meta")

    def test_it_has_its_landmarks_once(self, page: Page) -> None:
        for landmark in ("header", "main", "footer", "h1"):
            assert len(page.all(landmark)) == 1, landmark
        assert all("aria-label" in nav or "aria-labelledby" in nav for nav in page.all("nav"))

    def test_the_first_link_skips_to_the_content(self, page: Page) -> None:
        assert page.all("a")[0]["href"] == "#content"
        assert page.all("main")[0]["id"] == "content"

    def test_headings_leave_out_no_level(self, page: Page) -> None:
        levels = [int(tag[1]) for tag, _ in page.elements if tag in {"h1", "h2", "h3", "h4"}]
        assert levels[0] == 1
        assert all(later - earlier <= 1 for earlier, later in pairwise(levels))

    def test_every_field_has_a_label(self, page: Page) -> None:
        labelled = {label["for"] for label in page.all("label") if "for" in label}
        for (tag, attributes), ancestors in zip(page.elements, page.ancestors, strict=True):
            if tag in {"input", "select", "textarea"} and attributes.get("type") != "hidden":
                named = attributes.get("id") in labelled or "label" in ancestors or "aria-label" in attributes
                assert named, attributes

    def test_every_picture_has_a_text(self, page: Page) -> None:
        assert all("alt" in image for image in page.all("img"))

    def test_what_is_referred_to_exists_once(self, page: Page) -> None:
        ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
        assert len(ids) == len(set(ids))
        for _, attributes in page.elements:
            for name in ("aria-labelledby", "aria-describedby", "for"):
                assert attributes.get(name, "") in {"", *ids}, attributes

    def test_nothing_in_it_needs_what_its_policy_forbids(self, page: Page) -> None:
        for tag, attributes in page.elements:
            assert tag != "style"
            assert tag != "script" or attributes.get("src", "").startswith("/")
            assert not [name for name in attributes if name == "style" or name.startswith("on")]

    def test_forms_that_change_something_carry_the_token(self, page: Page) -> None:
        forms = [form for form in page.all("form") if form.get("method") == "post"]
        tokens = [field for field in page.all("input") if field.get("name") == "csrf_token" and field["value"]]
        assert len(tokens) == len(forms)


class TestLinks:
    def test_every_link_on_our_pages_leads_somewhere(self, client: TestClient, session: Session) -> None:
        make_world_group(session)
        assert broken(client, PAGES) == []

    def test_for_users_too(self, client: TestClient, session: Session, sign_in: Callable[[int], None]) -> None:
        make_world_group(session)
        sign_in(make_user(session).id)
        assert broken(client, PAGES_OF_USERS) == []


def broken(client: TestClient, paths: list[str]) -> list[str]:
    problems = []
    for path in paths:
        page = load(client, path)
        ids = {attributes.get("id") for _, attributes in page.elements}
        for target in targets(page):
            address, fragment = urldefrag(target)
            if not address:
                if fragment not in ids:
                    problems.append(f"{path}: #{fragment}")
            elif client.get(address).status_code not in {200, 302, 503}:
                problems.append(f"{path}: {address}")
    return problems


def targets(page: Page) -> Iterator[str]:
    for tag, attributes in page.elements:
        address = attributes.get("href") or attributes.get("src") or ""
        if tag in {"a", "link", "script", "img"} and urlsplit(address).scheme == "":
            yield address
