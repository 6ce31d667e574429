"""Several people on one page: live updates, groups and mail."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.api import Api
from tests.browser.cards import Note, is_answer
from tests.browser.conftest import Enter
from tests.browser.mailbox import open_mail
from tests.browser.sidebar import HostPage
from tests.browser.system import System
from tests.browser.visitor import People, Visitor
from tests.browser.waiting import wait_until

Measure = Callable[[str, float], None]

WITHIN_SECONDS = 1.0
"""From the answer to the author until it has reached the others."""


def test_everybody_sees_within_a_second_what_somebody_does(enter: Enter, page_url: str, measure: Measure) -> None:
    alice, bob = enter("alice"), enter("bob")
    hers, his = alice.open(page_url), bob.open(page_url)
    await_live(alice, hers)
    await_live(bob, his)
    his.sidebar.open()

    # Create
    editor = hers.annotate("#first")
    editor.write("Look at this")
    note = editor.post()
    measure("created, until another browser knows", seconds_until_known(alice, bob, his, "create", note))
    expect(his.sidebar.updates).to_have_text(re.compile(r"^1\s*update"))
    expect(his.sidebar.cards).to_have_count(0)
    his.sidebar.apply_updates()
    expect(his.sidebar.card("Look at this").text).to_be_visible()
    expect(his.highlights).not_to_have_count(0)

    # Edit
    editor = hers.sidebar.edit("Look at this")
    editor.write("Look at that")
    editor.update()
    measure("changed, until another browser knows", seconds_until_known(alice, bob, his, "update", note))
    his.sidebar.apply_updates()
    expect(his.sidebar.card("Look at that").text).to_be_visible()

    # Reply, in the other direction
    reply = his.sidebar.card("Look at that").reply("I see")
    measure("replied, until another browser knows", seconds_until_known(bob, alice, hers, "create", reply))
    hers.sidebar.apply_updates()
    expect(hers.sidebar.frame.get_by_role("button", name="Show replies (1)")).to_be_visible()

    # Delete
    hers.sidebar.card("Look at that").delete()
    measure("deleted, until another browser knows", seconds_until_known(alice, bob, his, "delete", note))
    his.sidebar.apply_updates()
    expect(his.highlights).to_have_count(0)

    own = {"create": [reply["id"]], "update": [], "delete": []}
    for action, ids in own.items():
        seen = [each["id"] for frame in alice.watch.notices(action) for each in frame.message["payload"]]
        assert seen == ids, f"she is told of what others {action}, not of what she does"


def test_live_updates_go_on_after_the_websocket_service_died(system: System, enter: Enter, page_url: str) -> None:
    alice, bob = enter("alice"), enter("bob")
    for visitor in (alice, bob):
        visitor.watch.allow("WebSocket connection to .* failed")
    hers, his = alice.open(page_url), bob.open(page_url)
    await_live(bob, his)
    his.sidebar.open()
    opened = len(bob.watch.sockets)

    system.kill("websocket")

    wait_until(his.page, lambda: len(bob.watch.sockets) > opened and is_live(bob))
    editor = hers.annotate("#second")
    editor.write("Still there?")
    editor.post()
    his.sidebar.apply_updates()
    expect(his.sidebar.card("Still there?").text).to_be_visible()


def test_whoever_is_replied_to_gets_a_mail(people: People, enter: Enter, page_url: str, system: System) -> None:
    author = people.account("author")
    hers = enter(author.username).open(page_url)
    editor = hers.annotate("#third")
    editor.write("Who drew it?")
    editor.post()

    his = enter("bob").open(page_url)
    his.sidebar.open()
    his.sidebar.card("Who drew it?").reply("The keeper's daughter did.")

    page = hers.page.context.new_page()
    open_mail(page, system, to=author.email, subject="bob")
    expect(page.get_by_text("The keeper's daughter did.").first).to_be_visible()
    expect(page.get_by_text("Who drew it?").first).to_be_visible()


def test_a_report_is_seen_by_who_made_it_and_not_by_the_author(people: People, enter: Enter, page_url: str) -> None:
    with Api(people.system, token=people.token("alice")) as api:
        api.create(uri=page_url, text="Buy cheap lamps", target=[{"source": page_url}])
    bob = enter("bob")
    his = bob.open(page_url)
    his.sidebar.open()
    his.sidebar.show("Page notes")

    with his.page.expect_response(is_answer("PUT")) as answered:
        his.sidebar.card("Buy cheap lamps").press("Report this annotation to moderators")

    assert answered.value.status == 204
    reported = re.compile("has been reported")
    for _ in ("as reported", "as loaded"):
        expect(his.sidebar.card("Buy cheap lamps").root.get_by_role("button", name=reported)).to_be_visible()
        his.reload()
        his.sidebar.open()
        his.sidebar.show("Page notes")
    hers = enter("alice").open(page_url)
    hers.sidebar.open()
    hers.sidebar.show("Page notes")
    expect(hers.sidebar.card("Buy cheap lamps").root.get_by_role("button", name=reported)).not_to_be_attached()


def await_live(visitor: Visitor, host: HostPage) -> None:
    """Wait until somebody is told of what happens on the page."""
    wait_until(host.page, lambda: is_live(visitor))


def is_live(visitor: Visitor) -> bool:
    """Tell whether the server has answered on the newest WebSocket, and has been told what to send there."""
    greeted = [frame.socket for frame in visitor.watch.frames if frame.message.get("type") == "whoyouare"]
    return bool(greeted) and greeted[-1] is visitor.watch.sockets[-1] and greeted[-1] in visitor.watch.filtered


def seconds_until_known(author: Visitor, other: Visitor, page: HostPage, action: str, note: Note) -> float:
    """Wait until the other browser is told, and return how long it took from the answer to the author."""

    def notices() -> list[float]:
        return [
            frame.at
            for frame in other.watch.notices(action)
            if any(each["id"] == note["id"] for each in frame.message["payload"])
        ]

    wait_until(page.page, lambda: bool(notices()))
    expect(page.sidebar.updates).to_be_visible()
    seconds = notices()[-1] - author.watch.last_write()
    assert seconds < WITHIN_SECONDS, f"{action} took {seconds:.2f} s"
    return max(seconds, 0.0)
