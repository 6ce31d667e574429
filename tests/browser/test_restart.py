"""Nothing is lost by stopping and starting the system."""

from playwright.sync_api import expect

from tests.browser.conftest import Enter
from tests.browser.system import System


def test_everything_is_still_there_after_a_restart(system: System, enter: Enter, page_url: str) -> None:
    visitor = enter("alice")
    visitor.watch.allow("WebSocket connection to .* failed")
    host = visitor.open(page_url)
    editor = host.annotate("#first")
    editor.write("Before the restart", tags=["lasting"])
    editor.post()
    host.sidebar.card("Before the restart").reply("So is this")

    system.stop()
    system.start()
    host.reload()

    host.sidebar.open()
    expect(host.sidebar.user_menu).to_be_visible()
    card = host.sidebar.card("Before the restart")
    expect(card.text).to_be_visible()
    expect(card.tag("lasting")).to_be_visible()
    host.sidebar.show_replies(1)
    expect(host.sidebar.card("So is this").text).to_be_visible()
    expect(host.highlights).not_to_have_count(0)
    host.sidebar.card("So is this").reply("And so it goes on")
