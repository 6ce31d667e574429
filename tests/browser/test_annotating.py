"""One person annotates a page; everything is there again after a reload."""

from playwright.sync_api import expect

from tests.browser.conftest import Enter

FIRST = "A lighthouse keeper writes down the weather every evening."


def test_annotating_words_with_tags(enter: Enter, page_url: str) -> None:
    host = enter("alice").open(page_url)
    editor = host.annotate("#first")
    editor.write("Every evening?", tags=["weather", "log books"])

    note = editor.post()

    assert note["tags"] == ["weather", "log books"]
    assert note["permissions"]["read"] == ["group:__world__"]
    assert {selector["type"] for selector in note["target"][0]["selector"]} >= {"TextQuoteSelector", "RangeSelector"}
    for _ in ("as saved", "as loaded"):
        card = host.sidebar.card("Every evening?")
        expect(card.text).to_have_text("Every evening?")
        expect(card.root.locator("blockquote")).to_have_text(FIRST)
        expect(card.tag("weather")).to_be_visible()
        expect(card.tag("log books")).to_be_visible()
        expect(host.highlights).to_have_text(FIRST)
        host.reload()
        host.sidebar.open()


def test_highlighting_words(enter: Enter, page_url: str) -> None:
    host = enter("alice").open(page_url)

    note = host.highlight("#third")

    assert note["text"] == ""
    assert note["permissions"]["read"] == [note["user"]]
    expect(host.highlights).to_have_text("Nobody knows who drew the whale in March.")
    host.reload()
    expect(host.highlights).to_have_text("Nobody knows who drew the whale in March.")


def test_writing_a_note_about_the_page(enter: Enter, page_url: str) -> None:
    host = enter("alice").open(page_url)
    editor = host.new_page_note()
    editor.write("About **all** of it.")

    note = editor.post()

    assert note["target"] == [{"source": page_url}]
    host.reload()
    host.sidebar.open()
    host.sidebar.show("Page notes")
    expect(host.sidebar.card("About all of it.").text.locator("strong")).to_have_text("all")


def test_a_private_note_is_nobody_elses(enter: Enter, page_url: str) -> None:
    host = enter("alice").open(page_url)
    editor = host.annotate("#second")
    editor.write("For my eyes only.")
    editor.only_me()

    note = editor.post()

    assert note["permissions"]["read"] == [note["user"]]
    host.reload()
    host.sidebar.open()
    expect(host.sidebar.card("For my eyes only.").lock).to_be_visible()

    other = enter("bob").open(page_url)

    other.sidebar.open()
    expect(other.sidebar.tab("Annotations")).to_be_visible()
    expect(other.sidebar.frame.get_by_text("no annotations", exact=False)).to_be_visible()
    expect(other.highlights).to_have_count(0)


def test_replying_and_replying_to_the_reply(enter: Enter, page_url: str) -> None:
    host = enter("alice").open(page_url)
    editor = host.annotate("#first")
    editor.write("A question")
    top = editor.post()

    reply = host.sidebar.card("A question").reply("An answer")
    nested = host.sidebar.card("An answer").reply("A doubt")

    assert reply["references"] == [top["id"]]
    assert nested["references"] == [top["id"], reply["id"]]
    host.reload()
    host.sidebar.open()
    host.sidebar.show_replies(2)
    for text in ("A question", "An answer", "A doubt"):
        expect(host.sidebar.card(text).text).to_have_text(text)


def test_changing_an_annotation(enter: Enter, page_url: str) -> None:
    host = enter("alice").open(page_url)
    editor = host.annotate("#first")
    editor.write("Frist thoughts")
    before = editor.post()

    editor = host.sidebar.edit("Frist thoughts")
    editor.write("First thoughts", tags=["corrected"])
    after = editor.update()

    assert after["id"] == before["id"]
    assert after["updated"] > before["updated"]
    assert after["created"] == before["created"]
    for _ in ("as saved", "as loaded"):
        card = host.sidebar.card("First thoughts")
        expect(card.text).to_have_text("First thoughts")
        expect(card.tag("corrected")).to_be_visible()
        host.reload()
        host.sidebar.open()


def test_deleting_an_annotation(enter: Enter, page_url: str) -> None:
    host = enter("alice").open(page_url)
    editor = host.annotate("#first")
    editor.write("Not for long")
    editor.post()
    expect(host.highlights).not_to_have_count(0)

    host.sidebar.card("Not for long").delete()

    for _ in ("as deleted", "as loaded"):
        expect(host.sidebar.cards).to_have_count(0)
        expect(host.highlights).to_have_count(0)
        host.reload()
        host.sidebar.open()
        expect(host.sidebar.frame.get_by_text("no annotations", exact=False)).to_be_visible()
