"""What was annotated in the browser is found through the API."""

from functools import partial
from urllib.parse import urlsplit

from tests.browser.api import Api
from tests.browser.cards import Note
from tests.browser.conftest import Enter
from tests.browser.visitor import People
from tests.browser.waiting import wait_until


def test_search_finds_what_was_annotated(people: People, enter: Enter, page_url: str) -> None:
    host = enter("alice").open(page_url)
    editor = host.annotate("#second")
    editor.write("A meteorological curiosity", tags=["Nimbostratus"])
    note = editor.post()
    reply = host.sidebar.card("A meteorological curiosity").reply("Is it?")
    parts = urlsplit(page_url)

    with Api(people.system, token=people.token("alice")) as api:
        for terms in (
            {"uri": page_url},
            {"uri": page_url.upper().replace("HTTP", "http").replace(parts.path.upper(), parts.path)},
            {"wildcard_uri": f"{page_url[:-3]}*"},
            {"any": "meteorological", "uri": page_url},
            {"any": "nimbostratus"},
            {"any": "drawing of a cloud", "uri": page_url},
            {"text": "curiosity meteorological"},
            {"quote": "the year 1911", "uri": page_url},
            {"tag": "nimbostratus"},
            {"tags": "Nimbostratus"},
            {"user": "alice", "uri": page_url},
            {"user": note["user"], "uri": page_url},
            {"group": "__world__", "uri": page_url},
        ):
            wait_until(host.page, partial(finds, api, terms, note))
        wait_until(host.page, lambda: ids(api.search(references=note["id"])) == [reply["id"]])
        assert note["id"] not in ids(api.search(uri=page_url, user="bob"))


def finds(api: Api, terms: dict[str, str], note: Note) -> bool:
    """Tell whether the search finds the annotation."""
    return note["id"] in ids(api.search(**terms))


def ids(rows: list[Note]) -> list[str]:
    """Return the rows' ids."""
    return [row["id"] for row in rows]
