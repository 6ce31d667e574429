"""Accounts of the tests."""

from contextlib import closing
from dataclasses import dataclass

from tests.faults.api import Api
from tests.faults.system import System


@dataclass(frozen=True)
class People:
    """Developer tokens.

    Attributes:
        author: Of somebody who is replied to, and gets the mails.
        writer: Of somebody who writes all the time.
    """

    author: str
    writer: str


def register(system: System) -> People:
    """Create all of them, as an operator does."""
    return People(author=enrol(system, "author"), writer=enrol(system, "writer"))


def enrol(system: System, name: str) -> str:
    """Create an account, and return a token of it."""
    system.h("user", "add", name, "--email", f"{name}@faults.example", "--password-stdin", typed="correct horse\n")
    return system.h("token", "create", name).strip()


def open_pages(system: System, people: People, *, tag: str, count: int) -> dict[str, str]:
    """Have the author annotate some new pages; return for each the annotation's id."""
    pages = [f"https://faults.example/{tag}/page{number}" for number in range(count)]
    with closing(Api(system.url, token=people.author)) as api:
        return {page: api.create(uri=page, text=f"The first on {page}", tags=["first"]) for page in pages}
